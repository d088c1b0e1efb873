import type { KeyVaultClient } from '../../azure/key-vault-client.ts'
import type { VaultShelf } from '../../azure/vault-objects.ts'
import type { Clock } from '../../base/clock.ts'
import type { ReadSource } from '../../telemetry/keyvault-metrics.ts'
import { createBatches } from './batched.ts'
import { cached } from './cached.ts'
import { lastKnownGood } from './last-known-good.ts'
import { measured, type VaultRequest } from './measured.ts'
import { VaultMemory } from './memory.ts'
import { createOutages } from './outages.ts'
import type { Answer, Held, Question } from './question.ts'
import { retried } from './retried.ts'
import { createTurns, type TurnOptions } from './turns.ts'
import type { Read, VaultReader } from './vault-reader.ts'

export interface VaultReaderOptions extends Partial<TurnOptions> {
  /** How old the newest version and lists may be for a `poll`, milliseconds. */
  readonly pollMaxAgeMs?: number
  /** How long a version by its id is not asked for again by a `poll`, milliseconds. */
  readonly pinnedMaxAgeMs?: number
  /** Of all values in memory. */
  readonly cacheBytes?: number
  readonly cacheEntries?: number
  /** Tries after the first, on 408, 5xx and missing answers. */
  readonly retries?: number
}

export interface VaultReaderDeps {
  readonly clock: Clock
  readonly client: Pick<KeyVaultClient, 'object' | 'versions'>
  readonly observe: {
    /** One exchange with a vault. */
    request(request: VaultRequest): void
    /** One value given to a mount. */
    read(read: { readonly shelf: VaultShelf; readonly source: ReadSource }): void
  }
}

export interface OwnedVaultReader extends VaultReader {
  /** Requests that wait for their turn. */
  readonly queued: number
  /** Bytes of values in memory. */
  readonly bytes: number
  /** Values in memory. */
  readonly entries: number
  /** Vaults whose turns are kept. */
  readonly vaults: number
  /** Ends requests and timers, and forgets all values. */
  stop(): void
}

const DEFAULTS = {
  concurrent: 32,
  concurrentPerPod: 10,
  // Azure allows one vault 4,000 reads in 10 s (documented), for all nodes together.
  perSecond: 200,
  queued: 4_096,
  queuedPerPod: 1_024,
  queueMs: 20_000,
  longestPauseMs: 60_000,
  maxVaults: 256,
  // Below the shortest interval in which the CSI driver asks again by default, 2 min, and that of careful users, 30 s.
  pollMaxAgeMs: 25_000,
  pinnedMaxAgeMs: 3_600_000,
  cacheBytes: 16 * 1024 * 1024,
  cacheEntries: 4_096,
  retries: 2,
}

const PAUSES = { firstMs: 500, maxMs: 5_000 }

/** A value is not kept longer than a day, whatever a class wants. */
const LONGEST_MS = 86_400_000

/** Reads for all pods of the node: last known good over cache over batches over retries over turns over the client. */
export function createVaultReader(options: VaultReaderOptions, deps: VaultReaderDeps): OwnedVaultReader {
  const { clock, client, observe } = deps
  const settings = { ...DEFAULTS, ...options }
  const memory = new VaultMemory(clock, {
    maxBytes: settings.cacheBytes,
    maxEntries: settings.cacheEntries,
    newestMs: settings.pollMaxAgeMs,
    pinnedMs: settings.pinnedMaxAgeMs,
    longestMs: LONGEST_MS,
  })
  const outages = createOutages(clock, settings.maxVaults)
  const exchanges = outages.noting(measured(client, clock, (request) => observe.request(request)))
  const turns = createTurns(exchanges, settings, clock)
  const tries = retried(turns, { ...PAUSES, retries: settings.retries }, clock)
  const batches = createBatches(tries, settings.pollMaxAgeMs, clock)
  const source = lastKnownGood(cached(batches, memory, settings, clock), { memory, outages }, clock)

  async function ask(question: Question, signal: AbortSignal): Promise<Answer> {
    const answer = await source.ask(question, signal)
    observe.read({ shelf: question.shelf, source: answer.source })
    return answer
  }

  return {
    async object(context, { shelf, name, version }, signal) {
      const answer = await ask({ context, shelf, name, version }, signal)
      if (isObject(answer.value)) return read(answer.value, answer)
      throw new TypeError('a list of versions where an object was asked for')
    },
    async versions(context, { shelf, name }, signal) {
      const answer = await ask({ context, shelf, name, version: undefined }, signal)
      if (!isObject(answer.value)) return read(answer.value, answer)
      throw new TypeError('an object where a list of versions was asked for')
    },
    get queued() {
      return turns.queued
    },
    get bytes() {
      return memory.bytes
    },
    get entries() {
      return memory.entries
    },
    get vaults() {
      return turns.vaults
    },
    stop() {
      batches.stop()
      turns.stop()
      memory.stop()
    },
  }
}

function isObject(value: Held): value is Exclude<Held, readonly unknown[]> {
  return 'shelf' in value
}

function read<T>(value: T, { source, readAt }: Answer): Read<T> {
  return source === 'last_known_good' ? { value, staleSince: readAt } : { value }
}
