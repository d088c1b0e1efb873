import { OperatorError } from '../../base/errors.ts'

/** Where the provider listens. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** A socket's name may have 107 bytes; podid binds under a name that is 9 longer first (socket-file.ts). */
const MAX_PATH_BYTES = 98

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

/**
 * `unix:///path` and `unix:/path`, or, for tests, `tcp://host:port` on a loopback address: whoever reaches the
 * socket gets what the pods of the node may read.
 * @throws OperatorError that names the flag
 */
export function parseEndpoint(text: string): Endpoint {
  const unix = /^unix:(?:\/\/)?(?<path>.+)$/i.exec(text)?.groups?.['path']
  if (unix !== undefined) return unixEndpoint(text, unix)
  const tcp = /^tcp:\/\/(?<host>[^/]+):(?<port>\d{1,5})$/i.exec(text)?.groups
  const host = tcp?.['host'] ?? ''
  const port = Number(tcp?.['port'])
  if (LOOPBACK.has(host) && port <= 65_535) return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port }
  throw new OperatorError(
    `--endpoint ${text}: use a unix socket such as unix:///provider/azure.sock ` +
      '(tcp:// is for tests, on 127.0.0.1, [::1] or localhost)',
  )
}

function unixEndpoint(text: string, path: string): Endpoint {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new OperatorError(
      `--endpoint ${text}: the path of the socket is longer than ${MAX_PATH_BYTES} bytes`,
    )
  }
  if (path.endsWith('/') || path.includes('\0')) {
    throw new OperatorError(`--endpoint ${text}: the path names no file`)
  }
  return { kind: 'unix', path }
}
