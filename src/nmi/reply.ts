import { STATUS_CODES } from 'node:http'
import { type Refusal, refusalSpec, refusalText } from '../model/refusal.ts'
import type { Exchange } from './exchange.ts'

/** How refusals are worded on the wire. */
export interface ReplyRules {
  readonly legacyStatusCodes: boolean
  readonly setRetryAfterHeader: boolean
}

/** `Retry-After` that the old NMI sent with `--set-retry-after-header`, seconds. */
const OLD_RETRY_AFTER = 20

const MAX_TEXT = 2_048

/** The literal answer of IMDS; SDKs that probe for IMDS look for it. */
const HEADER_MISSING_BODY =
  '{"error":"invalid_request","error_description":"Required metadata header not specified"}'

/** Sends a JSON body with the standard reason phrase (Azure CLI compares it), and ends the exchange. */
export function sendJson(exchange: Exchange, status: number, body: string, extra?: readonly string[]): void {
  const contentType = 'application/json; charset=utf-8'
  send(exchange, extra === undefined ? { status, contentType, body } : { status, contentType, body, extra })
}

export function send(
  { response, id }: Exchange,
  reply: {
    readonly status: number
    readonly contentType: string
    readonly body: string | Uint8Array
    readonly extra?: readonly string[]
  },
): void {
  if (response.headersSent || response.destroyed) return
  const { status, contentType, body, extra } = reply
  // A flat list of names and values is written as it stands: the cheapest form that node:http takes.
  const headers = [
    'Content-Type',
    contentType,
    'Cache-Control',
    'no-store',
    'x-ms-request-id',
    id,
    'Content-Length',
    String(Buffer.byteLength(body)),
  ]
  if (extra !== undefined) headers.push(...extra)
  response.writeHead(status, STATUS_CODES[status] ?? '', headers)
  response.end(body)
}

/** Sends a refusal; @returns the status. */
export function sendRefusal(exchange: Exchange, refusal: Refusal, rules: ReplyRules): number {
  const status = statusOf(refusal, rules)
  const retryAfter = retryAfterOf(refusal, rules)
  const headers: string[] = []
  if (retryAfter !== undefined) headers.push('Retry-After', String(retryAfter))
  if (status === 405) headers.push('Allow', 'GET')
  sendJson(exchange, status, refusalBody(refusal, exchange.id), headers)
  return status
}

export function statusOf(refusal: Refusal, rules: ReplyRules): number {
  const { status, legacyStatus } = refusalSpec(refusal.code)
  if (!rules.legacyStatusCodes) return status
  return legacyStatus === 404 && rules.setRetryAfterHeader ? 503 : legacyStatus
}

/**
 * Seconds for `Retry-After`. Always sent with a cause that passes by itself: without it the JavaScript
 * SDK gives up on 429 (as SDKs and IMDS were recorded).
 */
function retryAfterOf(refusal: Refusal, rules: ReplyRules): number | undefined {
  const spec = refusalSpec(refusal.code)
  if (rules.legacyStatusCodes && rules.setRetryAfterHeader && spec.legacyStatus === 404)
    return OLD_RETRY_AFTER
  if (spec.retryAfterSeconds === undefined) return undefined
  return Math.max(1, Math.ceil(refusal.retryAfterSeconds ?? spec.retryAfterSeconds))
}

/** The error body of IMDS, with the request id where SDKs print it. */
export function refusalBody(refusal: Refusal, id: string): string {
  if (refusal.code === 'metadata-header-missing') return HEADER_MISSING_BODY
  return JSON.stringify({
    error: refusalSpec(refusal.code).imdsError,
    error_description: descriptionOf(refusal),
    error_codes: [refusal.code],
    correlation_id: id,
  })
}

/**
 * Message, remedy and code in one sentence: most SDKs show nothing else. The word that Docker Desktop
 * uses in its 403 is kept out, since SDKs take it for "there is no IMDS here" (as SDKs and IMDS were recorded).
 */
function descriptionOf(refusal: Refusal): string {
  const text = refusalText(refusal).replaceAll(/unreachable/gi, 'not reachable')
  const short = text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}...`
  return `${short} (podid: ${refusal.code})`
}

/** A whole answer for a socket whose request node:http could not read. */
export function rawReply(status: number, refusal: Refusal, id: string): string {
  const body = refusalBody(refusal, id)
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
    'Content-Type: application/json; charset=utf-8\r\n' +
    `Content-Length: ${Buffer.byteLength(body)}\r\n` +
    'Connection: close\r\n\r\n' +
    body
  )
}
