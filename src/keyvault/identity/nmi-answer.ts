import * as v from 'valibot'
import { parseJson } from '../../azure/json-body.ts'
import { type IssuedToken, parseToken } from '../../azure/token-answer.ts'
import { isTransient, refuse } from '../../model/refusal.ts'
import { REFUSALS, type RefusalCode } from '../../model/refusal-codes.ts'
import { MountFailure } from '../mount-failure.ts'

/** What NMI's host door gives: podid's, or AAD Pod Identity's, which tells no authority. */
export interface NmiToken {
  readonly issued: IssuedToken
  /** Client id of the AzureIdentity, empty for the node's own identity. */
  readonly clientId: string
  /** Who made the token, as NMI says; empty when it says nothing. */
  readonly authority: string
}

const ANSWER = v.object({
  token: v.unknown(),
  clientid: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(128)))),
  authority: v.optional(v.pipe(v.string(), v.maxLength(512)), ''),
})

/** Reads the body of status 200; numbers may be strings. @throws MountFailure `identity-unavailable` */
export function readNmiToken(body: Buffer, nowMs: number): NmiToken {
  const parsed = v.safeParse(ANSWER, parseJson(body))
  const issued = parsed.success ? parseToken(parsed.output.token, nowMs) : undefined
  if (!parsed.success || issued === undefined)
    throw new MountFailure(
      'identity-unavailable',
      'nmi did not return expected values in response: token and clientid',
    )
  const { clientid, authority } = parsed.output
  return { issued, clientId: clientid ?? '', authority }
}

const REFUSAL = v.object({
  error_description: v.string(),
  error_codes: v.optional(v.array(v.unknown()), []),
})

/**
 * Why NMI gave no token. The text begins as that of the Azure provider 1.8 for the Secrets Store CSI driver, since
 * people search for it; what follows is NMI's reason.
 */
export function nmiFailure(status: number, body: Buffer): MountFailure {
  const parsed = v.safeParse(REFUSAL, parseJson(body))
  const text = parsed.success ? parsed.output.error_description : body.toString('utf8')
  const code = parsed.success ? refusalCode(parsed.output.error_codes[0]) : undefined
  const passes = code === undefined ? passesByAnswer(status, text) : passesByCode(code)
  return new MountFailure(
    passes ? 'identity-unavailable' : 'identity-refused',
    `nmi response failed with status code: ${status}, response body: ${stable(text)}`,
  )
}

function refusalCode(value: unknown): RefusalCode | undefined {
  return typeof value === 'string' && Object.hasOwn(REFUSALS, value) ? (value as RefusalCode) : undefined
}

/** podid says what it is, whatever status an operator has it send. A fault in the agent is nothing to mend. */
function passesByCode(code: RefusalCode): boolean {
  return code === 'internal-error' || isTransient(refuse(code, ''))
}

/**
 * AAD Pod Identity: 404 while the identity is not assigned (or never will be), 403 when it got no token, 500 for
 * faults, and for a provider that is not on the network of the node.
 */
function passesByAnswer(status: number, text: string): boolean {
  if (status === 500 && text.includes('not from a host')) return false
  return status === 404 || status === 408 || status === 429 || status >= 500
}

const LONGEST_REASON = 1_500

/** Three base64url parts: a token. */
const TOKEN_LIKE = /eyJ[\w-]{8,}(\.[\w-]*){0,2}/g

/** One line without what differs from one try to the next: Entra's errors come with ids and times. */
function stable(text: string): string {
  const line = text
    .slice(0, 8_192)
    .replaceAll(/(?:\\[rn])+/g, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replaceAll(/ ?\b(?:Trace ID|Correlation ID): ?[\w-]+/gi, '')
    .replaceAll(/ ?\bTimestamp: ?[\d-]+[ T][\d:.]+Z?/gi, '')
    .replaceAll(/\\?"(?:trace_id|correlation_id|timestamp)\\?":\s?\\?"[^"]*",?/g, '')
    .replaceAll(TOKEN_LIKE, '[token]')
    .trim()
  return line === '' ? 'no reason given' : line.slice(0, LONGEST_REASON)
}
