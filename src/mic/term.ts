import { createBackoff } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { DeadlineError, sleep, untilAborted } from '../base/deadline.ts'
import { errorText } from '../base/errors.ts'
import { isPassingFault } from '../kube/connection.ts'
import type { ObjectWriter } from '../kube/object-writer.ts'
import type { Log } from '../telemetry/log.ts'
import type { MicMetrics } from '../telemetry/mic-metrics.ts'
import { adoptExisting } from './adoption.ts'
import type { Arm } from './arm.ts'
import { ChainReports } from './chain-reports.ts'
import type { MicConfig } from './config.ts'
import type { EventSink } from './events.ts'
import { Groups } from './groups.ts'
import { ObjectView } from './object-view.ts'
import { Ledger, OwnershipConflict, type OwnershipRecords } from './ownership.ts'
import { pacedWriter } from './paced-writer.ts'
import { syncPod } from './pod-sync.ts'
import type { Protection } from './protection.ts'
import { WorkQueue } from './queue.ts'
import { Reports } from './reports.ts'
import { Router } from './router.ts'
import { Wanted } from './wanted.ts'
import type { World } from './world.ts'

export interface TermDeps {
  readonly config: MicConfig
  readonly clock: Clock
  readonly log: Log
  readonly metrics: MicMetrics
  readonly world: World
  /**
   * Resolves when `world` is as new as the API server was at the call: a watch of one who waits for the lead may be dead
   * without knowing, and what it does not show would be taken off Azure. @throws the signal's reason.
   */
  readonly refresh: (signal: AbortSignal) => Promise<void>
  readonly arm: Arm
  readonly writer: ObjectWriter
  readonly records: OwnershipRecords
  readonly events: EventSink
  readonly protection: Protection
}

/**
 * VMs and scale sets that are worked on at the same time. A place is held while Azure works, which takes a minute and
 * may take twenty; how many calls go out is the budget's business.
 */
const ARM_CONCURRENCY = 64
/** Part of the calls to ARM that goes to looks at what should not have changed. */
const LOOKS_SHARE = 1 / 3
/** Long enough for the events of one `kubectl apply`, short against the 100 ms aim to the first ARM call. */
const GATHER_MS = 25
const POD_BACKOFF = { firstMs: 500, maxMs: 60_000 }

/** One leadership, from winning the lease to losing it. All state of the controller lives and dies with it. */
export interface Term {
  /** Keys that wait for work, for probes and drain. */
  pending(): { pods: number; groups: number }
  /** True until everything is looked at that podid ever put somewhere, and while some of it is still to be taken off. */
  owes(): boolean
  /** Starts the work; resolves when the signal aborted and everything in flight has ended. */
  run(): Promise<void>
}

export function createTerm(deps: TermDeps, signal: AbortSignal, draining = false): Term {
  const { config, clock, log, metrics, world } = deps
  const rules = { forceNamespaced: config.forceNamespaced }
  const wanted = new Wanted()
  const view = new ObjectView(world, clock)
  const ledger = new Ledger(deps.records)
  const reports = new Reports(deps)
  const chainReports = new ChainReports({ world, rules, events: deps.events, clock })
  const tools = {
    arm: deps.arm,
    clock,
    log,
    signal,
    maxRetries: config.updateMaxRetries,
    retryIntervalMs: config.updateRetryIntervalMs,
  }
  const groups = new Groups({
    tools,
    wanted,
    ledger,
    protection: deps.protection,
    log,
    clock,
    metrics,
    world,
    concurrency: ARM_CONCURRENCY,
    mostLooks: Math.ceil((config.armCallsPerHour * LOOKS_SHARE * config.reconcileMs) / 3_600_000),
    gatherMs: GATHER_MS,
    signal,
    settled: (podKey) => pods.add(podKey),
  })
  const writer = pacedWriter(deps.writer, {
    clock,
    metrics,
    perSecond: config.clientQps,
    burst: Math.max(config.clientQps, config.createDeleteBatch),
  })
  const podDeps = { world, wanted, view, groups, writer, reports, metrics, clock, signal }
  const pods: WorkQueue = new WorkQueue({
    clock,
    concurrency: config.createDeleteBatch,
    gatherMs: 0,
    backoff: POD_BACKOFF,
    signal,
    run: (podKey) => syncPod(podDeps, podKey),
    onError: (podKey, thrown, againMs) =>
      log.warn(
        { pod: podKey, error: errorText(thrown), againMs },
        'the objects of a pod could not be written',
      ),
  })
  const router = new Router({
    world,
    rules,
    wanted,
    view,
    chainReports,
    draining,
    podChanged: (podKey) => pods.add(podKey),
    groupChanged: (groupId) => groups.touch(groupId),
    identityChanged: (armId, clientId) => groups.identityChanged(armId, clientId),
  })

  let isLoaded = false

  /** Giving the lead up for an API server that is busy would help nobody. @throws what does not pass by itself. */
  async function withPatience(work: () => Promise<void>): Promise<void> {
    const backoff = createBackoff(clock, POD_BACKOFF)
    for (;;) {
      try {
        await work()
        return
      } catch (thrown) {
        signal.throwIfAborted()
        const passes =
          isPassingFault(thrown) || thrown instanceof DeadlineError || thrown instanceof OwnershipConflict
        if (!passes) throw thrown
        const againMs = backoff.next()
        log.warn({ error: errorText(thrown), againMs }, 'the ownership records cannot be used yet')
        await sleep(clock, againMs, signal)
      }
    }
  }

  return {
    pending: () => ({ pods: pods.size, groups: groups.pending }),
    owes: () => !isLoaded || groups.owes(),
    async run() {
      await withPatience(() => ledger.load(signal))
      isLoaded = true
      await withPatience(() => adoptExisting({ config, world, ledger, log }, signal))
      const disconnect = router.connect()
      for (const object of world.stores.assigned.values()) groups.trust(object)
      router.resync()
      groups.reconcile()
      const ticks = [
        every(clock, config.reconcileMs, () => groups.reconcile()),
        every(clock, config.resyncMs, () => router.resync()),
      ]
      await untilAborted(signal)
      for (const tick of ticks) tick.cancel()
      disconnect()
      chainReports.close()
      await Promise.all([pods.drained(), groups.drained()])
    },
  }
}

/** Zero means never: as an interval it would leave no time for anything else. */
function every(clock: Clock, ms: number, work: () => void): Timer {
  if (ms <= 0) return { cancel: () => {} }
  let timer = clock.after(ms, again)
  function again(): void {
    timer = clock.after(ms, again)
    work()
  }
  return { cancel: () => timer.cancel() }
}
