import { createHash } from 'node:crypto'
import type { IssuedToken } from '../../azure/token-answer.ts'
import { readClaims, type TokenClaims } from '../../azure/token-claims.ts'
import type { SecretString } from '../../base/secret.ts'
import type { VaultToken } from './vault-login.ts'

/** What one way to log in came to. */
export interface ObtainedToken {
  readonly issued: IssuedToken
  /** Begins the words for whose token it is: `workload identity`. */
  readonly way: string
  /** Client id that the token was asked for, or that its giver named; empty when there is none. */
  readonly clientId: string
  /** Who made the token, so that its claims are to be believed; empty when that is not known. */
  readonly authority: string
}

/** The token as the mount uses it. */
export function vaultToken(obtained: ObtainedToken): VaultToken {
  const { issued } = obtained
  const claims = readClaims(issued.value.reveal())
  return {
    value: issued.value,
    reader: readerKey(obtained, claims),
    who: who(obtained, claims),
    objectId: claims?.objectId ?? '',
  }
}

/**
 * Whose eyes see what the token opens. The author of a pod cannot get the key of another one. The object id is
 * Entra's, which made the token and gave it straight to us (or to NMI), and so is the tenant: a tenant of his own
 * has another id, whatever object ids there are in it. An authority of his own, which an AzureIdentity may name,
 * writes into a token what it likes; therefore the authority is part of the key. Where it is not known (NMI over
 * TCP, AAD Pod Identity) or a claim is missing, only the very same token counts as the same reader.
 */
function readerKey({ issued, authority }: ObtainedToken, claims: TokenClaims | undefined): string {
  if (authority === '' || claims === undefined || claims.tenantId === '')
    return JSON.stringify(['token', sha256(issued.value)])
  return JSON.stringify([authority, claims.tenantId, claims.objectId])
}

/** Lower-case hex. */
export function sha256(secret: SecretString): string {
  return createHash('sha256').update(secret.reveal()).digest('hex')
}

function who({ way, clientId, issued }: ObtainedToken, claims: TokenClaims | undefined): string {
  const client = clientId || claims?.clientId || issued.clientId
  const ids = [
    ...(client === '' ? [] : [`client id ${client}`]),
    ...(claims === undefined ? [] : [`object id ${claims.objectId}`]),
  ]
  const name = nameOf(claims?.resourceId ?? '')
  const words = name === '' ? way : `${way} ${name}`
  return ids.length === 0 ? words : `${words} (${ids.join(', ')})`
}

/** The name of the managed identity, from its ARM id. */
function nameOf(resourceId: string): string {
  return /\/userAssignedIdentities\/([\w-]{1,128})$/i.exec(resourceId)?.[1] ?? ''
}
