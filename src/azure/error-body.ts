import * as v from 'valibot'
import { parseJson } from './json-body.ts'

/**
 * `{"error":"<code>","error_description":"<text>"}` as IMDS and Entra send it; `error` may also be an
 * object with `code` and `message`, as the host agent and App Service have it.
 */
const ERROR_BODY = v.object({
  error: v.union([
    v.string(),
    v.object({ code: v.optional(v.string(), ''), message: v.optional(v.string(), '') }),
  ]),
  error_description: v.optional(v.string()),
  error_codes: v.optional(v.array(v.number())),
})

export interface ErrorBody {
  /** The OAuth error code, such as `invalid_request`. */
  readonly error: string
  /** The text as it came: not stable, not safe to show. */
  readonly description: string
  /** The AADSTS number, if there is one. */
  readonly aadsts?: number
}

/** Undefined when the body is no such object: HTML, empty, cut off. */
export function parseErrorBody(body: Buffer): ErrorBody | undefined {
  const parsed = v.safeParse(ERROR_BODY, parseJson(body))
  if (!parsed.success) return undefined
  const { error, error_description, error_codes } = parsed.output
  const code = typeof error === 'string' ? error : error.code
  const description = error_description ?? (typeof error === 'string' ? '' : error.message)
  const aadsts = error_codes?.[0] ?? aadstsOf(description)
  return aadsts === undefined ? { error: code, description } : { error: code, description, aadsts }
}

function aadstsOf(text: string): number | undefined {
  const digits = /^AADSTS(\d{4,9})\b/.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/**
 * Loop detected, gateway busy, transient error: the documentation says to try again later. The others: Entra could not
 * fetch the discovery document or the keys of an issuer of federated credentials just now.
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
const TRANSIENT_AADSTS: ReadonlySet<number> = new Set([50196, 90006, 90033, 50166, 501661, 90061])

/** True when Entra says of itself that a later try may succeed, whatever the status. */
export function isTransient(body: ErrorBody): boolean {
  return (
    body.error === 'temporarily_unavailable' ||
    (body.aadsts !== undefined && TRANSIENT_AADSTS.has(body.aadsts))
  )
}

const LONGEST_TEXT = 300

/**
 * What people may read of an error body: the code and the first sentence, without trace id, correlation
 * id and timestamp (so that equal failures have equal texts), without control characters, and without
 * the given secrets or anything shaped like a token, should a server send them back.
 */
export function stableText(body: ErrorBody, secrets: readonly string[] = []): string {
  const parts = [firstSentence(body.description), oneLine(body.error)]
  const text = parts.find((part) => part !== '') ?? 'no reason given'
  const code = oneLine(body.error)
  const whole = code === '' || text === code ? text : `${code}: ${text}`
  return hide(whole, secrets).slice(0, LONGEST_TEXT)
}

function firstSentence(description: string): string {
  const bare = oneLine(description).replace(/ ?\b(Trace ID|Correlation ID|Timestamp):.*$/i, '')
  const end = /[.!?](?= |$)/.exec(bare)
  return (end === null ? bare : bare.slice(0, end.index)).trim()
}

function oneLine(text: string): string {
  return text
    .slice(0, 4096)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
}

/** Three base64url parts: a token or an assertion. Also the beginning of one that was cut off. */
const TOKEN_LIKE = /eyJ[\w-]{8,}(\.[\w-]*){0,2}/g

function hide(text: string, secrets: readonly string[]): string {
  let hidden = text.replaceAll(TOKEN_LIKE, '[token]')
  for (const secret of secrets) {
    for (const spelling of [secret, oneLine(secret), encodeURIComponent(secret), formEncoded(secret)]) {
      if (spelling !== '') hidden = hidden.replaceAll(spelling, '[secret]')
    }
  }
  return hidden
}

/** As a form body spells it, should a server send the whole request back. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
