import { createServer } from 'node:net'
import { codeOf, errorText } from '../../base/errors.ts'
import type { HostFiles } from './host-files.ts'

/** State of a listening socket in /proc/net/tcp. */
const LISTEN = '0A'

/** The IPv4 sockets that listen in this network namespace. */
export interface ListeningSocket {
  readonly address: string
  readonly port: number
  /** User id of the owner. */
  readonly uid: number
}

export async function listeningSockets(files: HostFiles): Promise<ListeningSocket[]> {
  return parseListening(await files.read('/proc/net/tcp'))
}

/** Reads the text of /proc/net/tcp: addresses are 32-bit words in the byte order of the machine. */
export function parseListening(text: string): ListeningSocket[] {
  const found: ListeningSocket[] = []
  for (const line of text.split('\n').slice(1)) {
    const [, local = '', , state, , , , uid] = line.trim().split(/\s+/)
    const [address = '', port = ''] = local.split(':')
    if (state !== LISTEN || address.length !== 8) continue
    const bytes = address.match(/../g) ?? []
    found.push({
      address: bytes
        .toReversed()
        .map((byte) => Number.parseInt(byte, 16))
        .join('.'),
      port: Number.parseInt(port, 16),
      uid: Number(uid),
    })
  }
  return found
}

/** Sockets of a user that listen on a port of any address, IPv4 and IPv6. */
export async function listenersOn(files: HostFiles, port: number, uid: number): Promise<number> {
  const texts = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((path) => files.read(path)))
  return texts
    .flatMap((text) => text.split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, local = '', , state, , , , owner]) =>
        state === LISTEN &&
        Number(owner) === uid &&
        Number.parseInt(local.split(':').at(-1) ?? '', 16) === port,
    ).length
}

/** The socket that takes connections to this address and port. */
export function listenerAt(
  sockets: readonly ListeningSocket[],
  address: string,
  port: number,
): ListeningSocket | undefined {
  return sockets.find(
    (each) => each.port === port && (each.address === address || each.address === '0.0.0.0'),
  )
}

/** Tries to listen, the only certain test. Undefined when the port is free, else the reason why not. */
export function whyPortIsTaken(address: string, port: number): Promise<string | undefined> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  server.once('error', (error) => resolve(codeOf(error) === 'EADDRINUSE' ? 'in use' : errorText(error)))
  server.listen(port, address, () => server.close(() => resolve(undefined)))
  return promise
}
