import * as v from 'valibot'
import { SecretString } from '../base/secret.ts'
import { parseJson } from './json-body.ts'

/** An access token as IMDS or Entra issued it. All times in seconds since the epoch. */
export interface IssuedToken {
  readonly value: SecretString
  readonly expiresOn: number
  readonly notBefore: number
  /** When upstream advises a renewal, if it said so. */
  readonly refreshOn?: number
  /** Seconds of life that were left when the answer came, as upstream named them (`expires_in`). */
  readonly lifetimeSeconds?: number
  readonly tokenType: string
  /** Client id that upstream named for the token, else empty. */
  readonly clientId: string
}

/** IMDS sends numbers as strings, Entra v2 as numbers; some clones send a date. */
const MOMENT = v.optional(v.nullable(v.union([v.number(), v.string()])))

const TOKEN_BODY = v.object({
  // Visible ASCII only, as RFC 6750 has it: what goes into a header must not break it.
  access_token: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,65536}$/)),
  expires_on: MOMENT,
  expires_in: MOMENT,
  not_before: MOMENT,
  refresh_in: MOMENT,
  refresh_on: MOMENT,
  token_type: v.optional(v.pipe(v.string(), v.regex(/^[\w-]{1,32}$/)), 'Bearer'),
  client_id: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(128)))),
})

/** Reads the body of a successful answer; undefined when it holds no token with an expiry. */
export function parseTokenBody(body: Buffer, nowMs: number): IssuedToken | undefined {
  return parseToken(parseJson(body), nowMs)
}

/** The same for a token object inside another answer. */
export function parseToken(value: unknown, nowMs: number): IssuedToken | undefined {
  const parsed = v.safeParse(TOKEN_BODY, value)
  if (!parsed.success) return undefined
  const { output } = parsed
  const now = Math.floor(nowMs / 1000)
  const expiresIn = secondsOf(output.expires_in)
  const expiresOn = momentOf(output.expires_on) ?? (expiresIn === undefined ? undefined : now + expiresIn)
  if (expiresOn === undefined) return undefined
  const refreshIn = secondsOf(output.refresh_in)
  const refreshOn = momentOf(output.refresh_on) ?? (refreshIn === undefined ? undefined : now + refreshIn)
  return {
    value: new SecretString(output.access_token),
    expiresOn,
    notBefore: momentOf(output.not_before) ?? now,
    ...(refreshOn === undefined ? {} : { refreshOn }),
    ...(expiresIn === undefined ? {} : { lifetimeSeconds: expiresIn }),
    tokenType: output.token_type,
    clientId: output.client_id ?? '',
  }
}

type Moment = v.InferOutput<typeof MOMENT>

/** Beyond this a number is no time in seconds (the year 5138; milliseconds are larger). */
const LATEST = 1e11

function secondsOf(value: Moment): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const seconds = typeof value === 'number' ? value : numeric(value)
  return seconds !== undefined && seconds >= 0 && seconds < LATEST ? Math.floor(seconds) : undefined
}

function momentOf(value: Moment): number | undefined {
  const seconds = secondsOf(value)
  if (seconds !== undefined || typeof value !== 'string') return seconds
  if (!/^\d{1,4}[-/]\d{1,2}[-/]\d{1,4}[T ]/.test(value)) return undefined
  const at = Date.parse(value)
  return Number.isNaN(at) || at < 0 ? undefined : Math.floor(at / 1000)
}

function numeric(text: string): number | undefined {
  return /^\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : undefined
}
