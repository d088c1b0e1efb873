import { VaultError } from '../../azure/vault-error.ts'
import { type Backoff, createBackoff } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { LimiterRefusal } from '../../telemetry/token-metrics.ts'
import { FairLimiter, LimiterError } from '../../tokens/fair-limiter.ts'
import type { VaultSource } from './question.ts'
import { TurnedAway } from './turned-away.ts'

export interface TurnOptions {
  /** Requests to one vault at once. */
  readonly concurrent: number
  readonly concurrentPerPod: number
  /** Requests to one vault in any one second: this node's share of what Azure allows one vault. */
  readonly perSecond: number
  readonly queued: number
  readonly queuedPerPod: number
  /** Longest wait for a turn, milliseconds. */
  readonly queueMs: number
  /** Longest pause after a 429, milliseconds. */
  readonly longestPauseMs: number
  /** Vaults that are remembered at once. */
  readonly maxVaults: number
}

export interface Turns extends VaultSource {
  readonly queued: number
  readonly vaults: number
  stop(): void
}

/** What is known of one vault. */
interface Gate {
  readonly limiter: FairLimiter
  /** Pauses after throttled answers that do not say how long. */
  readonly pauses: Backoff
  users: number
  usedAt: number
  pausedAt: number
  pausedUntil: number
}

/** First pause without a `Retry-After`, milliseconds; the backoff gives half of it at least. */
const FIRST_PAUSE_MS = 2_000

/** A vault that nobody asked for so long is forgotten; its rate and pauses are over by then. Milliseconds. */
const IDLE_MS = 120_000

/**
 * Turns at each vault, shared evenly between pods: below its rate and concurrency, and none while it throttles.
 * One vault never waits for another.
 */
export function createTurns(inner: VaultSource, options: TurnOptions, clock: Clock): Turns {
  /** The one that was used last stands last. */
  const gates = new Map<string, Gate>()

  function gateOf(origin: string): Gate {
    const now = clock.monotonic()
    const gate = gates.get(origin) ?? open(now)
    gates.delete(origin)
    for (const [other, idle] of gates) {
      const full = gates.size >= options.maxVaults
      if (!full && now - idle.usedAt < IDLE_MS) break
      if (idle.users > 0 || idle.pausedUntil > now) continue
      idle.limiter.stop()
      gates.delete(other)
    }
    if (gates.size >= options.maxVaults)
      throw new TurnedAway(`this node reads as many vaults as it can, ${hostOf(origin)} has to wait`, {
        retryAfterSeconds: 1,
        ownShare: false,
        byVault: false,
      })
    gates.set(origin, gate)
    gate.usedAt = now
    return gate
  }

  function open(now: number): Gate {
    const limiter = new FairLimiter({
      ...options,
      clock,
      concurrentPerCaller: options.concurrentPerPod,
      queuedPerCaller: options.queuedPerPod,
    })
    const pauses = createBackoff(clock, { firstMs: FIRST_PAUSE_MS, maxMs: options.longestPauseMs })
    return { limiter, pauses, users: 0, usedAt: now, pausedAt: Number.NEGATIVE_INFINITY, pausedUntil: 0 }
  }

  /** @param startedAt of the request: what was under way when the pause began tells nothing new */
  function pauseAfter(gate: Gate, thrown: VaultError, startedAt: number): void {
    const now = clock.monotonic()
    const told = thrown.retryAfterSeconds
    if (told === undefined && startedAt < gate.pausedAt) return
    const wanted = told === undefined || told === 0 ? gate.pauses.next() : told * 1000
    const ms = Math.min(options.longestPauseMs, wanted)
    gate.pausedAt = now
    gate.pausedUntil = Math.max(gate.pausedUntil, now + ms)
    gate.limiter.pause(ms)
  }

  return {
    async ask(question, signal, sending) {
      const { origin, pod } = question.context
      const gate = gateOf(origin)
      const pausedMs = gate.pausedUntil - clock.monotonic()
      // Who could not have a turn in time need not wait for that to be sure.
      if (pausedMs > options.queueMs) throw pausedTooLong(hostOf(origin), pausedMs)
      gate.users += 1
      const since = clock.monotonic()
      try {
        return await gate.limiter.run(pod, signal, async () => {
          const startedAt = clock.monotonic()
          try {
            const answer = await inner.ask(question, signal, sending)
            gate.pauses.reset()
            return answer
          } catch (thrown) {
            if (thrown instanceof VaultError && thrown.kind === 'throttled')
              pauseAfter(gate, thrown, startedAt)
            throw thrown
          }
        })
      } catch (thrown) {
        if (!(thrown instanceof LimiterError)) throw thrown
        // A line that stood still because of a pause is the vault's doing.
        throw withoutTurn(thrown, hostOf(origin), gate.pausedUntil > since)
      } finally {
        gate.users -= 1
        gate.usedAt = clock.monotonic()
      }
    },
    get queued() {
      return [...gates.values()].reduce((sum, { limiter }) => sum + limiter.queued, 0)
    },
    get vaults() {
      return gates.size
    },
    stop() {
      for (const { limiter } of gates.values()) limiter.stop()
    },
  }
}

/** Of a vault, for messages. */
export function hostOf(origin: string): string {
  return origin.replace(/^https:\/\//, '')
}

function pausedTooLong(host: string, waitMs: number): TurnedAway {
  const retryAfterSeconds = Math.ceil(waitMs / 1000)
  return new TurnedAway(`${host} asked this node to wait`, {
    retryAfterSeconds,
    ownShare: false,
    byVault: true,
  })
}

const REFUSALS: Readonly<Record<LimiterRefusal, (host: string) => string>> = {
  caller: (host) => `this pod has too many reads of ${host} waiting`,
  total: (host) => `too many reads of ${host} are waiting on this node`,
  time: (host) => `no turn to read ${host} came in time`,
}

function withoutTurn(error: LimiterError, host: string, byVault: boolean): TurnedAway {
  return new TurnedAway(REFUSALS[error.reason](host), {
    retryAfterSeconds: 1,
    ownShare: error.reason === 'caller',
    byVault,
    cause: error,
  })
}
