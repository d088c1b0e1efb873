import { httpsOrigin } from '../azure/clouds.ts'
import { readClaims } from '../azure/token-claims.ts'
import { upstreamOf } from './sources.ts'
import { tenantKey } from './token-key.ts'
import type { AccessToken, Principal, TokenRequest, TokenSource } from './token-source.ts'

const MAX_ENTRIES = 2_000

/**
 * Which object (principal) id belongs to which client id, learnt from the tokens that were issued. It decides which
 * identity a pod gets that asks by object id, so only issuers are believed that the operator of podid chose: IMDS
 * and the configured authority, never one that an AzureIdentity names.
 */
export class ObjectIds {
  readonly #byClientId = new Map<string, string>()
  readonly #loginOrigin: string

  constructor(loginOrigin: string) {
    this.#loginOrigin = loginOrigin
  }

  /** Takes in the answer to a request, if it is about the client id that was asked for. */
  learn(request: TokenRequest, token: AccessToken): void {
    const asked = this.#clientIdOf(request)
    if (asked === '') return
    const claims = readClaims(token.value.reveal())
    if (claims === undefined || claims.clientId !== asked) return
    this.#byClientId.delete(asked)
    this.#byClientId.set(asked, claims.objectId)
    const oldest = this.#byClientId.size > MAX_ENTRIES ? this.#byClientId.keys().next().value : undefined
    if (oldest !== undefined) this.#byClientId.delete(oldest)
  }

  /** Lower-case; undefined while unknown. */
  get(clientId: string): string | undefined {
    return this.#byClientId.get(clientId.toLowerCase())
  }

  /** The client id of which the answer tells; empty: of none. In an auxiliary tenant it has another object id. */
  #clientIdOf(request: TokenRequest): string {
    const { principal } = request
    if (!this.#isBelieved(principal) || tenantKey(request) !== '') return ''
    const clientId = principal.kind === 'node' ? principal.clientId : principal.identity.clientId
    return clientId?.trim().toLowerCase() ?? ''
  }

  #isBelieved(principal: Principal): boolean {
    if (principal.kind === 'node' || upstreamOf(principal) === 'imds') return true
    const { adEndpoint } = principal.identity
    return adEndpoint.trim() === '' || httpsOrigin(adEndpoint) === this.#loginOrigin
  }
}

/** Learns from what passes. */
export function learning<R extends TokenRequest>(
  inner: TokenSource<R>,
  objectIds: ObjectIds,
): TokenSource<R> {
  return {
    async token(request, signal) {
      const token = await inner.token(request, signal)
      objectIds.learn(request, token)
      return token
    },
  }
}
