import { readClaims } from '../azure/token-claims.ts'
import type { AccessToken } from './token-source.ts'

const MAX_ENTRIES = 2_000

/** Which object (principal) id belongs to which client id, learnt from the tokens that were issued. */
export class ObjectIds {
  readonly #byClientId = new Map<string, string>()

  learn(token: AccessToken): void {
    const claims = readClaims(token.value.reveal())
    if (claims === undefined || claims.clientId === '') return
    this.#byClientId.delete(claims.clientId)
    this.#byClientId.set(claims.clientId, claims.objectId)
    const oldest = this.#byClientId.size > MAX_ENTRIES ? this.#byClientId.keys().next().value : undefined
    if (oldest !== undefined) this.#byClientId.delete(oldest)
  }

  /** Lower-case; undefined while unknown. */
  get(clientId: string): string | undefined {
    return this.#byClientId.get(clientId.toLowerCase())
  }
}
