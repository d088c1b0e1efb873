import * as v from 'valibot'
import type { SecretString } from '../base/secret.ts'
import { httpsOrigin } from './clouds.ts'
import { parseJson } from './json-body.ts'

/** What a vault asks of tokens: `Bearer authorization="https://<authority>/<tenant>", resource="https://..."`. */
interface Challenge {
  /** GUID, lower case; empty when it does not tell. */
  readonly tenant: string
  /** Origin without a slash at its end; empty when it does not tell. */
  readonly resource: string
}

const GUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

/** Key Vault as an application, which tokens of the v2 endpoint may name instead of the resource. */
const VAULT_APPLICATION = 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093'

const CLAIMS = v.object({
  aud: v.optional(v.string(), ''),
  tid: v.optional(v.string(), ''),
  iss: v.optional(v.string(), ''),
})

/**
 * Why a vault does not take a token, by comparing its challenge with the token: both tenants when they differ, both
 * audiences when they do. Undefined when nothing differs, or either tells too little.
 */
export function challengeText(challenge: string, token: SecretString): string | undefined {
  const wanted = parseChallenge(challenge)
  const claims = claimsOf(token)
  if (claims === undefined) return undefined
  if (differs(claims.tenant, wanted.tenant))
    return `the token is of tenant ${claims.tenant}, the vault belongs to tenant ${wanted.tenant}`
  if (claims.audience !== VAULT_APPLICATION && differs(claims.audience, wanted.resource))
    return `the token is for ${claims.audience}, the vault takes tokens for ${wanted.resource}`
  return undefined
}

function differs(has: string, wants: string): boolean {
  return has !== '' && wants !== '' && has !== wants
}

function parseChallenge(challenge: string): Challenge {
  const parameters = new Map<string, string>()
  for (const [, name = '', value = ''] of challenge.slice(0, 2_048).matchAll(/\b([a-z_]+)="([^"]{0,512})"/gi))
    parameters.set(name.toLowerCase(), value)
  const authority = parameters.get('authorization') ?? parameters.get('authorization_uri') ?? ''
  const resource = parameters.get('resource') ?? parameters.get('scope')?.replace(/\/\.default$/, '') ?? ''
  return { tenant: guidOf(authority.split('/')[3]), resource: httpsOrigin(resource) ?? '' }
}

function claimsOf(token: SecretString): { tenant: string; audience: string } | undefined {
  const payload = token.reveal().split('.', 3)[1]
  const parsed = v.safeParse(CLAIMS, parseJson(Buffer.from(payload ?? '', 'base64url')))
  if (!parsed.success) return undefined
  const { aud, tid, iss } = parsed.output
  return {
    tenant: guidOf(tid) || guidOf(iss.split('/')[3]),
    audience: httpsOrigin(aud) ?? guidOf(aud),
  }
}

function guidOf(text: string | undefined): string {
  const lower = text?.toLowerCase() ?? ''
  return GUID.test(lower) ? lower : ''
}
