import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Clock } from '../../../src/base/clock.ts'
import { withDeadline } from '../../../src/base/deadline.ts'

export interface OutboundOptions {
  readonly clock: Clock
  /** PEM of the CA to trust for https. */
  readonly ca?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly parent: AbortSignal
}

const LONGEST_BODY = 1_048_576
const DEADLINE_MS = 5_000

/**
 * GETs one JSON document; no redirects, at most 1 MiB, 5 s.
 * @throws Error for any answer other than 200 with JSON.
 */
export function fetchJson(url: string, options: OutboundOptions): Promise<unknown> {
  const about = { clock: options.clock, ms: DEADLINE_MS, what: `GET ${url}`, parent: options.parent }
  return withDeadline(about, async (signal) => {
    const { status, body } = await get(url, options, signal)
    if (status !== 200) throw new Error(`GET ${url}: status ${status}`)
    return JSON.parse(body) as unknown
  })
}

function get(
  url: string,
  options: OutboundOptions,
  signal: AbortSignal,
): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>()
  const begin = url.startsWith('https:') ? httpsRequest : httpRequest
  const tls = options.ca === undefined ? {} : { ca: options.ca }
  const request = begin(url, {
    ...tls,
    // kube-apiserver answers 406 for its key set to who takes plain JSON alone.
    headers: { accept: 'application/json, application/jwk-set+json', ...options.headers },
    agent: false,
    signal,
  })
  request.once('error', reject)
  request.once('response', (response) => {
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > LONGEST_BODY) request.destroy(new Error(`GET ${url}: more than ${LONGEST_BODY} bytes`))
      else chunks.push(chunk)
    })
    response.once('error', reject)
    response.once('end', () =>
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
    )
  })
  request.end()
  return promise
}
