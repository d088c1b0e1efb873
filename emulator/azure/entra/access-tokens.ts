import { createHash } from 'node:crypto'
import { compactVerify, errors } from 'jose'
import type { AzureState } from '../state/azure-state.ts'
import { guidOf } from '../state/guid.ts'
import type { SigningKey } from './signing-key.ts'

/** Who a token is for: an application or a managed identity. */
export interface Principal {
  readonly clientId: string
  readonly objectId: string
  /** `1` secret, `2` certificate or another assertion. */
  readonly proof: '1' | '2'
  /** Of a managed identity: its resource id, or the VM's for the system-assigned one. */
  readonly resourceId?: string
  /** The VM or scale set that asked. */
  readonly compute?: string
}

export interface TokenOrder {
  readonly principal: Principal
  readonly audience: string
  readonly lifetimeSeconds: number
  readonly nowMs: number
  /** The client can answer claims challenges. */
  readonly continuous?: boolean
}

export interface IssuedToken {
  readonly jwt: string
  readonly notBefore: number
  readonly expires: number
}

/** Claims of a token that this Entra signed and that is still valid. */
export interface VerifiedToken {
  readonly audience: string
  readonly issuer: string
  readonly clientId: string
  readonly objectId: string
  readonly resourceId: string
}

export type TokenFault = 'malformed' | 'signature' | 'expired' | 'not-yet'

export interface TokenOffice {
  issue(order: TokenOrder): Promise<IssuedToken>
  /** Checks form, signature and times; audience and issuer are the resource's own business. */
  verify(jwt: string, nowMs: number): Promise<VerifiedToken | TokenFault>
  readonly issuer: string
}

/** Issues and verifies access tokens with the claims that Azure puts in (version 1 form). */
export function createTokenOffice(state: AzureState, key: SigningKey): TokenOffice {
  const issuer = `https://sts.windows.net/${state.tenant.id}/`
  let number = 0
  return {
    issuer,
    async issue(order) {
      number += 1
      const issued = Math.floor(order.nowMs / 1_000)
      const notBefore = issued - 300
      const expires = issued + order.lifetimeSeconds
      const { principal } = order
      const unique = `${number} ${principal.clientId} ${order.audience} ${issued}`
      const opaque = createHash('sha256').update(unique).digest('base64url')
      const jwt = await key.sign({
        aud: order.audience,
        iss: issuer,
        iat: issued,
        nbf: notBefore,
        exp: expires,
        aio: `E2NgY${opaque.slice(0, 24)}AA==`,
        appid: principal.clientId,
        appidacr: principal.proof,
        idp: issuer,
        idtyp: 'app',
        oid: principal.objectId,
        rh: `0.${opaque.slice(0, 40)}.`,
        sub: principal.objectId,
        tid: state.tenant.id,
        uti: opaque.slice(0, 22),
        ver: '1.0',
        ...(principal.resourceId === undefined ? {} : { xms_mirid: mirid(principal.resourceId) }),
        ...(principal.compute === undefined ? {} : { xms_az_rid: mirid(principal.compute) }),
        ...(order.continuous === true ? { xms_cc: ['cp1'] } : {}),
      })
      return { jwt, notBefore, expires }
    },
    verify: (jwt, nowMs) => verify(jwt, nowMs, key),
  }
}

/** Azure writes `resourcegroups` in lower case in this claim. */
function mirid(id: string): string {
  return id.replace(/\/resourcegroups\//i, '/resourcegroups/')
}

async function verify(jwt: string, nowMs: number, key: SigningKey): Promise<VerifiedToken | TokenFault> {
  let claims: Record<string, unknown>
  try {
    const { payload } = await compactVerify(jwt, key.publicKey, { algorithms: ['RS256'] })
    claims = JSON.parse(Buffer.from(payload).toString('utf8')) as Record<string, unknown>
  } catch (thrown) {
    if (thrown instanceof errors.JWSSignatureVerificationFailed) return 'signature'
    if (thrown instanceof errors.JOSEError || thrown instanceof SyntaxError) return 'malformed'
    throw thrown
  }
  const now = nowMs / 1_000
  if (Number(claims['exp']) <= now) return 'expired'
  if (Number(claims['nbf']) > now + 300) return 'not-yet'
  const text = (name: string): string => (typeof claims[name] === 'string' ? claims[name] : '')
  return {
    audience: text('aud'),
    issuer: text('iss'),
    clientId: text('appid'),
    objectId: text('oid'),
    resourceId: text('xms_mirid'),
  }
}

/** An id for one answer: traces, requests, correlations. */
export function createTraceIds(purpose: string): () => string {
  let number = 0
  return () => {
    number += 1
    return guidOf(`${purpose} ${number}`)
  }
}
