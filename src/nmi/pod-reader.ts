import type { Clock } from '../base/clock.ts'
import { withDeadline } from '../base/deadline.ts'
import { errorText } from '../base/errors.ts'
import type { Pod } from '../model/resources.ts'
import type { Log } from '../telemetry/log.ts'
import { createRateLimit } from './rate-limit.ts'

/** One direct read of the Kubernetes API, for an address that the watch has not told yet. */
export interface PodReader {
  /** The pods of this node that have the address now. @throws KubeApiError or a network error. */
  podsAt(address: string, signal: AbortSignal): Promise<readonly Pod[]>
}

export interface DirectReads {
  /** What the API says, or nothing: when it failed, was asked too often, or said so a moment ago. */
  podsAt(address: string): Promise<readonly Pod[]>
}

const READ_DEADLINE_MS = 2_000
/** An address that the API does not know is not asked for again before. */
const HOLD_NEGATIVE_MS = 2_000
const MAX_HELD = 1_024
const PER_SECOND = 5
const BURST = 20

const NOBODY: readonly Pod[] = []

/** Single flight per address, rate limited for the node as a whole; "nobody" is remembered for a moment. */
export function createDirectReads(deps: {
  readonly reader: PodReader
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}): DirectReads {
  const { reader, clock, log } = deps
  const limit = createRateLimit(clock, { perSecond: PER_SECOND, burst: BURST })
  const flying = new Map<string, Promise<readonly Pod[]>>()
  const nobodyUntil = new Map<string, number>()

  async function read(address: string): Promise<readonly Pod[]> {
    try {
      const pods = await withDeadline(
        { clock, ms: READ_DEADLINE_MS, what: 'reading the pod of an address', parent: deps.signal },
        (signal) => reader.podsAt(address, signal),
      )
      if (pods.length === 0) hold(address)
      return pods
    } catch (thrown) {
      if (!deps.signal.aborted) {
        log.warn({ address, error: errorText(thrown) }, 'direct read of the pod of an address failed')
      }
      return NOBODY
    } finally {
      flying.delete(address)
    }
  }

  function hold(address: string): void {
    if (nobodyUntil.size >= MAX_HELD) nobodyUntil.clear()
    nobodyUntil.set(address, clock.monotonic() + HOLD_NEGATIVE_MS)
  }

  return {
    async podsAt(address) {
      const shared = flying.get(address)
      if (shared !== undefined) return shared
      if ((nobodyUntil.get(address) ?? 0) > clock.monotonic()) return NOBODY
      nobodyUntil.delete(address)
      if (!limit.take()) return NOBODY
      const own = read(address)
      flying.set(address, own)
      return own
    },
  }
}
