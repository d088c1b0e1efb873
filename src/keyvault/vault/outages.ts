import { VaultError } from '../../azure/vault-error.ts'
import type { Clock } from '../../base/clock.ts'
import { createRecentMap } from '../recent-map.ts'
import type { VaultSource } from './question.ts'
import { mayPass } from './retried.ts'
import { hostOf } from './turns.ts'

/** Which vaults do not answer at the moment: told by each try, asked by those who have something else to go by. */
export interface Outages {
  /** The same source, whose tries tell how the vault is. */
  noting(inner: VaultSource): VaultSource
  /** Aborts with a VaultError when the vault is found to be down; aborted already while it is. */
  alarm(origin: string): AbortSignal
}

/** Times are monotonic milliseconds. */
interface Vault {
  readonly alarm: AbortController
  /** When the alarm was raised. */
  downAt: number
  answeredAt: number
  failedAt: number
  /** Since when nothing but failures is known. */
  failingSince: number
}

/** Shorter than it takes to give up connecting (5 s), longer than a blip that the tries of one read outlast. */
const DOWN_AFTER_MS = 4_000
/** Failures further apart than this are not one outage. */
const LONGEST_GAP_MS = 10_000
/**
 * After this long everybody asks again, and it takes another while of failures to say that it is down: one object that
 * always fails must not keep others from theirs.
 */
const HOLD_MS = 30_000

/** A vault is down when its tries have failed for a while and none was answered. Any answer ends it. */
export function createOutages(clock: Clock, maxVaults: number): Outages {
  const vaults = createRecentMap<Vault>(maxVaults)

  function begin(origin: string): Vault {
    const vault = {
      alarm: new AbortController(),
      downAt: Number.POSITIVE_INFINITY,
      answeredAt: Number.NEGATIVE_INFINITY,
      failedAt: Number.NEGATIVE_INFINITY,
      failingSince: 0,
    }
    vaults.set(origin, vault)
    return vault
  }

  function vaultOf(origin: string): Vault {
    const known = vaults.get(origin)
    return known !== undefined && clock.monotonic() - known.downAt <= HOLD_MS ? known : begin(origin)
  }

  function failed(origin: string, startedAt: number): void {
    const vault = vaultOf(origin)
    const now = clock.monotonic()
    if (now - vault.failedAt > LONGEST_GAP_MS) vault.failingSince = Math.max(startedAt, vault.answeredAt)
    vault.failedAt = now
    if (vault.alarm.signal.aborted || now - vault.failingSince < DOWN_AFTER_MS) return
    vault.downAt = now
    vault.alarm.abort(new VaultError('unavailable', `${hostOf(origin)} does not answer`))
  }

  function answered(origin: string): void {
    const known = vaultOf(origin)
    const vault = known.alarm.signal.aborted ? begin(origin) : known
    vault.answeredAt = clock.monotonic()
    vault.failedAt = Number.NEGATIVE_INFINITY
  }

  return {
    noting: (inner) => ({
      async ask(question, signal, sending) {
        const { origin } = question.context
        const startedAt = clock.monotonic()
        try {
          const answer = await inner.ask(question, signal, sending)
          answered(origin)
          return answer
        } catch (thrown) {
          if (mayPass(thrown)) failed(origin, startedAt)
          else if (thrown instanceof VaultError) answered(origin)
          throw thrown
        }
      },
    }),
    alarm: (origin) => vaultOf(origin).alarm.signal,
  }
}
