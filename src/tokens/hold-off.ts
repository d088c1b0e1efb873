import type { Clock } from '../base/clock.ts'
import type { SecretReference } from '../model/resources.ts'
import { requestKey } from './token-key.ts'
import type { Principal, TokenError, TokenSource } from './token-source.ts'
import { isPermanent } from './upstream-failure.ts'

export interface HoldOffOptions {
  readonly clock: Clock
  /** How long a permanent refusal is repeated without asking again, milliseconds. */
  readonly holdOffMs: number
  readonly maxEntries: number
}

export interface HoldOff extends TokenSource {
  /** The Secret has changed: what failed with the old one is tried anew at once. */
  secretChanged(reference: SecretReference): void
}

interface Refused {
  readonly error: TokenError
  readonly until: number
  readonly principal: Principal
}

/**
 * Repeats a permanent refusal for some seconds, so that a pod in a crash loop does not hammer Entra. A
 * changed AzureIdentity has another key, and a changed Secret clears its refusals, so what an operator
 * mends works at once.
 */
export function createHoldOff(inner: TokenSource, options: HoldOffOptions): HoldOff {
  const { clock } = options
  const refusals = new Map<string, Refused>()
  /** Counts changes of Secrets: a refusal that was earned with the former Secret is not kept. */
  let generation = 0

  function held(key: string): TokenError | undefined {
    const refused = refusals.get(key)
    if (refused === undefined) return undefined
    if (clock.monotonic() < refused.until) return refused.error
    refusals.delete(key)
    return undefined
  }

  function keep(key: string, principal: Principal, error: TokenError): void {
    refusals.delete(key)
    refusals.set(key, { error, principal, until: clock.monotonic() + options.holdOffMs })
    const oldest = refusals.size > options.maxEntries ? refusals.keys().next().value : undefined
    if (oldest !== undefined) refusals.delete(oldest)
  }

  return {
    async token(request, signal) {
      const key = requestKey(request)
      const error = held(key)
      if (error !== undefined) throw error
      for (let again = true; ; again = false) {
        const before = generation
        try {
          return await inner.token(request, signal)
        } catch (thrown) {
          if (!isPermanent(thrown)) throw thrown
          // A Secret that changed under way is tried once more at once.
          if (before !== generation && again) continue
          if (before === generation) keep(key, request.principal, thrown)
          throw thrown
        }
      }
    },
    secretChanged(reference) {
      generation += 1
      for (const [key, { principal }] of refusals) {
        if (usesSecret(principal, reference)) refusals.delete(key)
      }
    },
  }
}

/** True when the tokens of this principal come from that Secret. */
export function usesSecret(principal: Principal, { namespace, name }: SecretReference): boolean {
  if (principal.kind === 'node') return false
  const own = principal.identity.clientPassword
  return own?.namespace === namespace && own.name === name
}
