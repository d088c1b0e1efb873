import type { IncomingMessage } from 'node:http'
import { ApiError } from '../api-error.ts'

const MOST_BYTES = 3 * 1024 * 1024

/** The whole body. @throws ApiError 413 when it is larger than a real server takes. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) {
      const message = `Request entity too large: limit is ${MOST_BYTES}`
      throw new ApiError(413, 'RequestEntityTooLarge', message)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
