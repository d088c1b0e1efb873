import { SecretString } from '../../src/base/secret.ts'
import type { AzureIdentity } from '../../src/model/resources.ts'
import type { AccessToken, TokenBroker, TokenRequest } from '../../src/tokens/token-source.ts'

/** 2100: later than any test's clock. */
const FAR = 4_102_444_800

/** The text of the token that the fake gives for an identity: tells in an assertion whose it is. */
export function tokenTextOf(identity: Pick<AzureIdentity, 'namespace' | 'name'>): string {
  return `token-of-${identity.namespace}-${identity.name}`
}

/** A broker whose tokens name their identity. `fail` and `gate` change what the next calls meet. */
export class FakeBroker implements TokenBroker {
  readonly requests: TokenRequest[] = []
  readonly gone: string[] = []
  readonly objectIds = new Map<string, string>()
  /** Tokens that `peek` finds. */
  cached = true
  /** Thrown by `token` while it returns something. */
  fail: (request: TokenRequest) => Error | undefined = () => undefined
  /** Awaited by `token` before it answers. */
  gate: (signal: AbortSignal) => Promise<unknown> = () => Promise.resolve()
  readonly #tokens = new Map<string, AccessToken>()

  peek(request: TokenRequest): AccessToken | undefined {
    return this.cached && this.fail(request) === undefined ? this.#token(request) : undefined
  }

  async token(request: TokenRequest, signal: AbortSignal): Promise<AccessToken> {
    this.requests.push(request)
    await this.gate(signal)
    signal.throwIfAborted()
    const failure = this.fail(request)
    if (failure !== undefined) throw failure
    return this.#token(request)
  }

  podGone(podUid: string): void {
    this.gone.push(podUid)
  }

  objectIdOf(clientId: string): string | undefined {
    return this.objectIds.get(clientId)
  }

  #token({ principal, resource, tenantId = '' }: TokenRequest): AccessToken {
    const of = principal.kind === 'node' ? 'token-of-node' : tokenTextOf(principal.identity)
    const key = `${of} ${resource} ${tenantId}`
    const known = this.#tokens.get(key)
    if (known !== undefined) return known
    const made: AccessToken = {
      value: new SecretString(tenantId === '' ? of : `${of}-${tenantId}`),
      expiresOn: FAR,
      notBefore: 1,
      tokenType: 'Bearer',
      clientId:
        principal.kind === 'node' ? (principal.clientId ?? 'node-client') : principal.identity.clientId,
    }
    this.#tokens.set(key, made)
    return made
  }
}
