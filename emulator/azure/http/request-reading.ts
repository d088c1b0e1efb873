import type { IncomingMessage } from 'node:http'
import type { Exchange } from './exchange.ts'

/** Thrown when a request is larger than its service allows. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
}

export interface RequestHead {
  readonly method: string
  readonly host: string
  readonly target: string
  readonly segments: readonly string[]
  readonly query: URLSearchParams
}

/** Method, host and target of a request; absolute-form targets are taken apart. */
export function readHead(request: IncomingMessage): RequestHead {
  const raw = request.url ?? '/'
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(raw)
  const target = absolute === null ? raw : raw.slice(absolute[0].length) || '/'
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  return {
    method: request.method ?? 'GET',
    host: (absolute?.[1] ?? request.headers.host ?? '').toLowerCase(),
    target: raw,
    segments: path.split('/').filter(Boolean).map(decoded),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (thrown) {
    if (thrown instanceof URIError) return segment
    throw thrown
  }
}

/** The whole body. @throws BodyTooLarge beyond `limit` bytes. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new BodyTooLarge(`a body of more than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export function exchangeOf(
  request: IncomingMessage,
  head: RequestHead,
  body: Buffer,
  signal: AbortSignal,
): Exchange {
  return {
    ...head,
    headers: request.headers,
    body,
    remoteAddress: (request.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    signal,
  }
}
