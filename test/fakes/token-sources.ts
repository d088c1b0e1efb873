/** Token sources, tokens and metrics for tests of the token engine. */
import type { Clock } from '../../src/base/clock.ts'
import { SecretString } from '../../src/base/secret.ts'
import type { TokenMetrics } from '../../src/telemetry/token-metrics.ts'
import type { AccessToken, TokenRequest, TokenSource } from '../../src/tokens/token-source.ts'
import { makeIdentity } from '../make/objects.ts'

export const VAULT = 'https://vault.azure.net'

export function makeRequest(fields: Partial<TokenRequest> & { identity?: string } = {}): TokenRequest {
  const { identity = 'shop', ...rest } = fields
  return {
    principal: { kind: 'identity', identity: identityNamed(identity) },
    caller: 'pod-a',
    resource: VAULT,
    ...rest,
  }
}

const identities = new Map<string, ReturnType<typeof makeIdentity>>()

/** One object for a name, as a store hands it out. */
function identityNamed(name: string): ReturnType<typeof makeIdentity> {
  const known = identities.get(name) ?? makeIdentity({ name })
  identities.set(name, known)
  return known
}

let serial = 0

export function makeToken(
  clock: Clock,
  fields: Partial<AccessToken> & { seconds?: number; text?: string } = {},
): AccessToken {
  const { seconds = 86_400, text, ...rest } = fields
  serial += 1
  return {
    value: new SecretString(text ?? `token-${serial}`),
    expiresOn: Math.floor(clock.now() / 1000) + seconds,
    notBefore: Math.floor(clock.now() / 1000),
    lifetimeSeconds: seconds,
    tokenType: 'Bearer',
    clientId: '',
    ...rest,
  }
}

export interface PendingCall {
  readonly request: TokenRequest
  readonly signal: AbortSignal
  answer(token: AccessToken): void
  fail(thrown: unknown): void
}

/** A source whose calls stay open until the test settles them; an aborted call ends by itself. */
export class ManualSource implements TokenSource {
  readonly calls: PendingCall[] = []
  open = 0

  token(request: TokenRequest, signal: AbortSignal): Promise<AccessToken> {
    const { promise, resolve, reject } = Promise.withResolvers<AccessToken>()
    this.open += 1
    const settled = promise.finally(() => {
      this.open -= 1
    })
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    this.calls.push({ request, signal, answer: resolve, fail: reject })
    return settled
  }

  /** The call of that number, which must be there. */
  call(number: number): PendingCall {
    const call = this.calls[number]
    if (call === undefined) throw new Error(`no call number ${number} of ${this.calls.length}`)
    return call
  }
}

/** A source that answers at once by a function; it counts. */
export class AnsweringSource implements TokenSource {
  calls = 0
  answer: (request: TokenRequest) => AccessToken

  constructor(answer: (request: TokenRequest) => AccessToken) {
    this.answer = answer
  }

  async token(request: TokenRequest, signal: AbortSignal): Promise<AccessToken> {
    signal.throwIfAborted()
    this.calls += 1
    await Promise.resolve()
    return this.answer(request)
  }
}

/** Counts what was reported, by `name` or `name:label`. */
export class CountingMetrics implements TokenMetrics {
  readonly counts = new Map<string, number>()

  cacheRequest(result: string): void {
    this.#add(`cache:${result}`)
  }
  upstreamRequest(exchange: { upstream: string; operation: string; outcome: string }): void {
    this.#add(`upstream:${exchange.upstream}:${exchange.operation}:${exchange.outcome}`)
  }
  upstreamRetried(upstream: string): void {
    this.#add(`retried:${upstream}`)
  }
  renewal(outcome: string): void {
    this.#add(`renewal:${outcome}`)
  }
  limiterRefused(upstream: string, reason: string): void {
    this.#add(`refused:${upstream}:${reason}`)
  }
  watchCache(): void {}
  watchLimiter(): void {}

  of(name: string): number {
    return this.counts.get(name) ?? 0
  }

  #add(name: string): void {
    this.counts.set(name, this.of(name) + 1)
  }
}

export const never: AbortSignal = new AbortController().signal
