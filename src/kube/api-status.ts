import type { IncomingHttpHeaders } from 'node:http'
import * as v from 'valibot'
import type { Clock } from '../base/clock.ts'
import { KubeApiError } from './connection.ts'

/** `v1.Status`, as the API server answers errors, over HTTP and inside a watch. */
const apiStatus = v.object({
  kind: v.literal('Status'),
  code: v.optional(v.fallback(v.number(), 0), 0),
  reason: v.optional(v.fallback(v.string(), ''), ''),
  message: v.optional(v.fallback(v.string(), ''), ''),
  details: v.optional(
    v.fallback(v.object({ retryAfterSeconds: v.optional(v.fallback(v.number(), 0), 0) }), {
      retryAfterSeconds: 0,
    }),
  ),
})

/** A message longer than this says no more. */
const LONGEST_MESSAGE = 500

/**
 * The error of an answer with a status that is no success. Never repeats a body that is no Status: a
 * proxy's HTML page helps nobody.
 */
export function errorOfAnswer(
  what: string,
  answer: { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string },
  clock: Clock,
): KubeApiError {
  const retryAfter = parseRetryAfter(answer.headers['retry-after'], clock.now())
  const read = v.safeParse(apiStatus, parseJson(answer.text))
  if (!read.success) {
    return new KubeApiError(answer.status, '', `${what}: HTTP ${answer.status} without a Status`, retryAfter)
  }
  return errorOfStatus(what, read.output, answer.status, retryAfter)
}

/** The error of an `ERROR` event inside a watch. */
export function errorOfEvent(what: string, object: unknown): KubeApiError {
  const read = v.safeParse(apiStatus, object)
  return read.success
    ? errorOfStatus(what, read.output, read.output.code, undefined)
    : new KubeApiError(0, '', `${what}: an error without a Status`)
}

function errorOfStatus(
  what: string,
  status: v.InferOutput<typeof apiStatus>,
  code: number,
  retryAfter: number | undefined,
): KubeApiError {
  const message = status.message.slice(0, LONGEST_MESSAGE)
  const said = status.details?.retryAfterSeconds ?? 0
  return new KubeApiError(
    code,
    status.reason,
    `${what}: HTTP ${code} ${status.reason}: ${message}`,
    retryAfter ?? (said > 0 ? said : undefined),
  )
}

/** Seconds of a `Retry-After` header, which holds seconds or a date (RFC 9110 section 10.2.3). */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header.trim())) return Number(header)
  // Date.parse takes more for a date than HTTP does, even `-1`.
  const date = /^[A-Z][a-z]{2}/.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - nowMs) / 1000))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
