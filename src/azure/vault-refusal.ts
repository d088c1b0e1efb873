import * as v from 'valibot'
import type { SecretString } from '../base/secret.ts'
import { stableText } from './error-body.ts'
import type { HttpAnswer } from './http-client.ts'
import { parseJson } from './json-body.ts'
import { challengeText } from './vault-challenge.ts'
import { VaultError, type VaultErrorKind } from './vault-error.ts'

const INNER = v.optional(v.nullable(v.object({ code: v.optional(v.string(), '') })))

/** `{"error":{"code","message","innererror":{"code"}}}`; some answers spell it `innerError`. */
const BODY = v.object({
  error: v.object({
    code: v.optional(v.string(), ''),
    message: v.optional(v.string(), ''),
    innererror: INNER,
    innerError: INNER,
  }),
})

interface Refusal {
  readonly code: string
  readonly inner: string
  readonly message: string
}

/** An answer that is not 200, in words. `token` is never in the text, should the vault send it back. */
export function vaultRefusal(answer: HttpAnswer, host: string, token: SecretString): VaultError {
  const { status, retryAfterSeconds } = answer
  const body = parseRefusal(answer.body)
  const kind = kindOf(status, body)
  const details = { status, retryAfterSeconds, vaultCode: codeOf(body) }
  if (body === undefined) {
    const text = `${host} answered ${status} with ${mediaType(answer)} that is no error of Key Vault`
    return new VaultError(kind, text, details)
  }
  return new VaultError(kind, textOf(kind, { answer, body, token }), details)
}

function textOf(
  kind: VaultErrorKind,
  { answer, body, token }: { answer: HttpAnswer; body: Refusal; token: SecretString },
): string {
  const own = stableText({ error: body.code, description: body.message }, [token.reveal()])
  if (kind === 'unauthorized') return challengeText(answer.challenge ?? '', token) ?? own
  const address = /client address: ([\da-f.:]{2,45})\b/i.exec(body.message)?.[1]
  return kind === 'firewall' && address !== undefined ? `${own} (client address ${address})` : own
}

/**
 * By status, then by the inner code. A refusal without Key Vault's document comes from something between here and the
 * vault (a proxy, another host under its name) and says nothing about the object.
 */
function kindOf(status: number, body: Refusal | undefined): VaultErrorKind {
  if (status === 429) return 'throttled'
  if (body === undefined || status < 400 || status >= 500 || status === 408) return 'unavailable'
  switch (status) {
    case 401:
      return 'unauthorized'
    case 403:
      return forbiddenKind(body)
    case 404:
      return body.code === 'VaultNotFound' ? 'unavailable' : 'not-found'
    default:
      return 'refused'
  }
}

function forbiddenKind({ inner, message }: Refusal): VaultErrorKind {
  if (/^ForbiddenBy(?:Firewall|Connection)$/.test(inner)) return 'firewall'
  if (/(?:Disabled|Expired|NotYetValid)$/.test(inner)) return 'disabled'
  if (inner !== '') return 'forbidden'
  if (/\bnot allowed on an? (?:disabled|expired|not yet valid) /i.test(message)) return 'disabled'
  if (/\bclient address is not authorized\b/i.test(message)) return 'firewall'
  return 'forbidden'
}

function parseRefusal(body: Buffer): Refusal | undefined {
  const parsed = v.safeParse(BODY, parseJson(body))
  if (!parsed.success) return undefined
  const { code, message, innererror, innerError } = parsed.output.error
  return { code: plain(code), inner: plain((innererror ?? innerError)?.code ?? ''), message }
}

/** The inner code tells more; of a 401 the number in the text does. */
function codeOf(body: Refusal | undefined): string {
  if (body === undefined) return ''
  return /^(AKV\d{4,6})\b/.exec(body.message)?.[1] ?? (body.inner || body.code)
}

function plain(code: string): string {
  return /^\w{1,64}$/.test(code) ? code : ''
}

/** `text/html` of a Content-Type, for messages. */
export function mediaType({ contentType, body }: Pick<HttpAnswer, 'contentType' | 'body'>): string {
  if (body.length === 0) return 'an empty body'
  return /^[\w.+-]{1,64}\/[\w.+-]{1,64}/.exec(contentType)?.[0] ?? 'something'
}
