import type { Clock, Timer } from '../../base/clock.ts'
import { errorText } from '../../base/errors.ts'
import type { Log } from '../../telemetry/log.ts'
import type { CommandRunner } from '../redirect/command-runner.ts'
import {
  type GuardedPlace,
  guardRules,
  isGuardable,
  readGuards,
  removeGuards,
  restoreGuard,
} from './bridge-rules.ts'

/**
 * Keeps the answers of pods on a bridge from their neighbours. A bridge delivers to whoever used a hardware address
 * last, and the node to whoever claimed the address by ARP last, so whoever has NET_RAW could take both, and
 * get a token that was meant for another pod between two looks. Rules in the kernel drop what another port sends
 * in the name of a guarded pod.
 */
export interface BridgeGuard {
  /** True while the rules for this place are on their way: no answer may be sent there yet. */
  awaits(place: GuardedPlace): boolean
  /** Tells of addresses that are guarded from now on, or that never will be. */
  subscribe(listener: (address: string) => void): void
  start(): void
  /** Takes the rules away: without an agent nobody would notice that an address has moved to another pod. */
  stop(): Promise<void>
}

/** How soon a port that is gone loses its rules, which would cut off the next pod of its address. */
const LOOK_MS = 250
/** What others did to the rules is put right so often, as long as there is somebody to guard. */
const RENEW_MS = 5_000
const RETRY_MS = 1_000
/** When rules of agents that were killed are taken away: one that hands over has stopped by then. */
const LEFTOVERS_MS = 60_000
/** More pods than a node has. */
const MAX_PLACES = 1_024

export function createBridgeGuard(deps: {
  /** Who is to be guarded now. */
  readonly places: () => readonly GuardedPlace[]
  readonly run: CommandRunner
  readonly clock: Clock
  readonly log: Log
  /** IPv4 address of IMDS, as pods know it. */
  readonly metadataIp: string
}): BridgeGuard {
  const { places, run, clock, log, metadataIp } = deps
  // Another agent may be on the node for a while, before this one or after it: each has a chain of its own.
  const name = Math.floor(clock.random() * 0x100_0000).toString(16)
  const listeners: ((address: string) => void)[] = []
  let guarded: ReadonlySet<string> = new Set()
  let written: string | undefined
  let renewAt = -Infinity
  let retryAt = -Infinity
  let leftoversAt = Infinity
  let state: 'new' | 'works' | 'impossible' = 'new'
  let looking: Promise<void> | undefined
  let timer: Timer | undefined
  let stopped = false

  function tell(wanted: readonly GuardedPlace[], but: ReadonlySet<string>): void {
    for (const place of wanted)
      if (!but.has(keyOf(place))) for (const listener of listeners) listener(place.address)
  }

  async function write(wanted: readonly GuardedPlace[], rules: string): Promise<void> {
    await restoreGuard(run, name, rules)
    const before = guarded
    guarded = new Set(wanted.map(keyOf))
    written = rules
    renewAt = clock.monotonic() + RENEW_MS
    if (state !== 'works') log.info({ pods: wanted.length }, 'pods on a bridge are guarded from neighbours')
    state = 'works'
    tell(wanted, before)
  }

  /** What killed agents left would cut off whoever gets an address of then. */
  async function removeLeftovers(): Promise<void> {
    leftoversAt = Infinity
    const others = (await readGuards(run)).filter((each) => each !== name)
    if (others.length > 0) await removeGuards(run, others)
  }

  async function look(): Promise<void> {
    const now = clock.monotonic()
    if (now < retryAt) return
    const wanted = places().filter(isGuardable).slice(0, MAX_PLACES)
    const rules = guardRules(wanted, metadataIp)
    const changed = rules !== written && (wanted.length > 0 || written !== undefined)
    try {
      if (changed || (wanted.length > 0 && now >= renewAt)) await write(wanted, rules)
      if (now >= leftoversAt) await removeLeftovers()
    } catch (thrown) {
      retryAt = now + RETRY_MS
      if (wanted.length > 0) failed(wanted, thrown)
    }
  }

  /** What worked once will work again, and until then nobody new is answered; what never did is told once. */
  function failed(wanted: readonly GuardedPlace[], thrown: unknown): void {
    const error = errorText(thrown)
    if (state === 'works') log.warn({ error }, 'the guard of pods on a bridge could not be written')
    if (state !== 'new') return
    log.warn(
      { error },
      'pods on a bridge cannot be guarded from neighbours that have NET_RAW: give it to no untrusted container',
    )
    state = 'impossible'
    tell(wanted, new Set())
  }

  function lookNow(): void {
    looking ??= look().finally(() => {
      looking = undefined
    })
  }

  function tick(): void {
    lookNow()
    if (!stopped) timer = clock.after(LOOK_MS, tick)
  }

  return {
    awaits(place) {
      if (guarded.has(keyOf(place)) || state === 'impossible' || !isGuardable(place)) return false
      if (!stopped) lookNow()
      return true
    },
    subscribe: (listener) => void listeners.push(listener),
    start() {
      if (timer !== undefined || stopped) return
      leftoversAt = clock.monotonic() + LEFTOVERS_MS
      tick()
    },
    async stop() {
      if (stopped) return
      stopped = true
      timer?.cancel()
      await looking
      guarded = new Set()
      if (state === 'works') await removeGuards(run, [name])
    },
  }
}

function keyOf({ device, address, mac }: GuardedPlace): string {
  return `${device} ${address} ${mac}`
}
