import * as v from 'valibot'
import { parseJson } from './json-body.ts'

const GUID = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i), v.toLowerCase())

const CLAIMS = v.object({
  oid: v.optional(GUID),
  appid: v.optional(GUID),
  azp: v.optional(GUID),
  tid: v.fallback(v.optional(GUID), undefined),
  xms_mirid: v.optional(v.string(), ''),
})

export interface TokenClaims {
  /** Object (principal) id, lower-case. */
  readonly objectId: string
  /** Client id, lower-case: `appid` in v1 tokens, `azp` in v2 tokens; empty when there is none. */
  readonly clientId: string
  /** `tid`: the tenant that the principal is of, lower-case; empty when there is none. */
  readonly tenantId: string
  /** `xms_mirid`: the ARM id of the managed identity, as Entra spells it; empty when it is none. */
  readonly resourceId: string
}

/**
 * Claims of an Entra access token that came straight from the issuer, so its signature is not checked
 * here. Undefined when it is no JWT or names no principal (tokens are opaque by contract).
 */
export function readClaims(token: string): TokenClaims | undefined {
  const payload = token.split('.', 3)[1]
  if (payload === undefined) return undefined
  const parsed = v.safeParse(CLAIMS, parseJson(Buffer.from(payload, 'base64url')))
  if (!parsed.success || parsed.output.oid === undefined) return undefined
  const { oid, appid, azp, tid, xms_mirid: resourceId } = parsed.output
  return { objectId: oid, clientId: appid ?? azp ?? '', tenantId: tid ?? '', resourceId }
}
