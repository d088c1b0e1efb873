import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Clock } from '../../../src/base/clock.ts'
import { sleep } from '../../../src/base/deadline.ts'
import type { Reply } from './exchange.ts'

export interface WriteOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** The time that the service believes it is, for the Date header. */
  readonly nowMs: number
  readonly slow?: { readonly chunkBytes: number; readonly everyMs: number }
  /** Cut the connection after half of the body. */
  readonly cut?: boolean
}

/** Writes one answer with its length, the standard reason phrase and a Date. */
export async function writeReply(
  response: ServerResponse,
  reply: Reply,
  options: WriteOptions,
): Promise<void> {
  const bytes = bytesOf(reply.body)
  const headers: Record<string, string> = { date: new Date(options.nowMs).toUTCString(), ...reply.headers }
  if (bytes.length > 0) headers['content-type'] ??= 'application/json; charset=utf-8'
  if (reply.status !== 204) headers['content-length'] = String(bytes.length)
  response.writeHead(reply.status, STATUS_CODES[reply.status] ?? 'Unknown', headers)
  if (options.cut === true) {
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy())
    return
  }
  if (options.slow !== undefined) await writeSlowly(response, bytes, options, options.slow)
  else response.end(bytes)
}

async function writeSlowly(
  response: ServerResponse,
  bytes: Buffer,
  options: WriteOptions,
  slow: { chunkBytes: number; everyMs: number },
): Promise<void> {
  for (let at = 0; at < bytes.length; at += slow.chunkBytes) {
    // No pause after the last part: the client has all of it and may be gone.
    if (at > 0) await sleep(options.clock, slow.everyMs, options.signal)
    response.write(bytes.subarray(at, at + slow.chunkBytes))
  }
  response.end()
}

function bytesOf(body: unknown): Buffer {
  if (body === undefined) return Buffer.alloc(0)
  if (Buffer.isBuffer(body)) return body
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body), 'utf8')
}
