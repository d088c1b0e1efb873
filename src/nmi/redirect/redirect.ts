import type { Clock } from '../../base/clock.ts'
import { sleep } from '../../base/deadline.ts'
import { errorText, OperatorError } from '../../base/errors.ts'
import type { Component } from '../../base/lifecycle.ts'
import type { Log } from '../../telemetry/log.ts'
import { type Backend, type BackendChoice, type BackendKind, installedBackends } from './backend.ts'
import { CommandError, type CommandRunner } from './command-runner.ts'
import { cutConnections } from './connections.ts'
import { describePlan } from './dry-run.ts'
import { type HostFiles, hostFiles } from './host-files.ts'
import { createKeepLoop, type RedirectMetrics, type RedirectStatus } from './keep-loop.ts'
import { keepRules, removeRules } from './keeper.ts'
import type { KubenetGuard } from './kubenet-guard.ts'
import {
  heldBy,
  isHeld,
  NODE_LOCK_NAME,
  type NodeLock,
  type SuccessorHandler,
  takeNodeLock,
} from './node-lock.ts'
import { createNodeSeat } from './node-seat.ts'
import { preflight } from './preflight.ts'
import { type RedirectAddresses, wantedChains } from './rules.ts'
import { holderOf } from './succession.ts'

export interface RedirectConfig {
  readonly addresses: RedirectAddresses
  /** `--ipt-update-interval-sec`, in milliseconds. */
  readonly intervalMs: number
  readonly backend: BackendChoice
  /** What happens at start to connections older than the rules; without conntrack they stay, and a warning tells. */
  readonly cutConnections: 'off' | 'try'
  /** As the old agent did: on stop the rules go, and pods reach IMDS itself. */
  readonly removeOnStop: boolean
  readonly kubenet: KubenetGuard
}

export interface RedirectDependencies {
  readonly run: CommandRunner
  readonly clock: Clock
  readonly log: Log
  readonly metrics: RedirectMetrics
  readonly files?: HostFiles
  /** Name of the lock that one agent of a node holds; told only by tests. */
  readonly lockName?: string
}

/** The packet redirect of one node: from the metadata address to the node agent. */
export interface Redirect extends Component {
  /**
   * Call before the agent listens: looks for everything that is in the way and takes the node's lock. An agent
   * that holds the lock is succeeded, after `succeeding` has prepared that; it serves on until it is stopped.
   * @returns whether another agent is succeeded @throws OperatorError with what to do.
   */
  preflight(succeeding?: () => Promise<void>): Promise<boolean>
  /** Lets another agent succeed this one: the handler gives up what only one of the two can have. */
  onSuccessor(handler: SuccessorHandler): void
  /**
   * Call when the agent listens: writes the rules, cuts older connections and keeps the rules. A failure
   * that may pass is in the status and tried again. @throws OperatorError for one that needs a person.
   */
  start(): Promise<void>
  /** The rules stay, unless configured otherwise: pods of a stopped agent are refused, not let through. */
  stop(): Promise<void>
  status(): RedirectStatus
  /**
   * Removes our rules under every backend; says what it did. Waits `waitMs` for an agent that is about to end.
   * @throws OperatorError while an agent runs; the signal's reason when it aborts.
   */
  cleanup(waitMs?: number, signal?: AbortSignal): Promise<readonly string[]>
  /** What `start` would do here, as text; changes nothing. */
  plan(): Promise<string>
}

/** Between two looks whether the node's agent has ended. */
const LOCK_LOOK_MS = 500

/** After the rules are gone the old agent went on answering for this long. */
const AFTER_REMOVAL_MS = 10_000

export function createRedirect(config: RedirectConfig, deps: RedirectDependencies): Redirect {
  const { clock, run, metrics } = deps
  const log = deps.log.with({ part: 'redirect' })
  const files = deps.files ?? hostFiles
  const lockName = deps.lockName ?? NODE_LOCK_NAME
  const wanted = wantedChains(config.addresses)
  let backend: Backend | undefined
  const { listenAddress, listenPort } = config.addresses
  const seat = createNodeSeat({
    clock,
    log,
    name: lockName,
    holder: `process ${process.pid}, listening on ${listenAddress}:${listenPort}`,
  })
  let looked = false
  let stopping: Promise<void> | undefined
  let inheriting: Promise<void> | undefined

  const chosen = (): Backend => {
    if (backend === undefined) throw new OperatorError('no iptables to write with')
    return backend
  }
  const loop = createKeepLoop({
    keep: (signal) => keepRules({ run, files, backend: chosen(), wanted }, signal),
    async onInstalled() {
      // A node that changed its iptables may still have our rules under the other one.
      await removeEverywhere(chosen().kind).catch((thrown: unknown) => {
        log.warn({ error: errorText(thrown) }, 'rules under the other iptables backend could not be removed')
      })
      await cutOld()
    },
    clock,
    log,
    metrics,
    intervalMs: config.intervalMs,
  })

  const lookBefore = async (succeeding?: () => Promise<void>): Promise<boolean> => {
    if (looked) return seat.succeeds
    await seat.take(succeeding)
    try {
      const found = await preflight({ ...config, run, files, succeeds: seat.succeeds })
      if (found.problems.length > 0) throw new OperatorError(found.problems.join('\n'))
      backend = found.backend
      log.info({ backend: found.backend?.kind }, 'iptables backend is chosen')
    } catch (thrown) {
      await seat.release()
      throw thrown
    }
    looked = true
    return seat.succeeds
  }

  /** The agent before may have changed the rules until its end. */
  const inherit = async (): Promise<void> => {
    if (!(await seat.inherited())) return
    log.info({}, 'the agent before has ended')
    await loop.lookNow()
  }

  const cutOld = async (): Promise<void> => {
    if (config.cutConnections === 'off') return
    const { metadataIp, metadataPort } = config.addresses
    try {
      const count = await cutConnections(run, { ip: metadataIp, port: metadataPort })
      metrics.connectionsCut(count)
      log.info({ count }, 'connections to the metadata address older than the redirect are cut')
    } catch (thrown) {
      const missing = thrown instanceof CommandError && thrown.missing
      const todo = missing
        ? 'add conntrack to the image of the node agent'
        : 'restart pods older than the agent'
      log.warn({ error: errorText(thrown), todo }, 'connections older than the redirect may still reach IMDS')
    }
  }

  const removeEverywhere = async (except?: BackendKind): Promise<string[]> => {
    const done: string[] = []
    for (const each of await installedBackends(run)) {
      if (each.kind === except) continue
      const removed = await removeRules(run, each)
      done.push(`iptables ${each.kind}: ${removed ? 'redirect rules removed' : 'nothing to remove'}`)
      if (removed) log.info({ backend: each.kind }, 'redirect rules are removed')
    }
    return done
  }

  const lockForCleanup = async (waitMs: number, signal?: AbortSignal): Promise<NodeLock> => {
    const endsAt = clock.monotonic() + waitMs
    for (;;) {
      try {
        return await takeNodeLock(clock, { name: lockName, holder: `clean-up, process ${process.pid}` })
      } catch (thrown) {
        if (!isHeld(thrown)) throw thrown
        if (clock.monotonic() >= endsAt) throw heldBy(await holderOf(clock, lockName))
      }
      await sleep(clock, LOCK_LOOK_MS, signal)
    }
  }

  const shutDown = async (): Promise<void> => {
    await loop.stop()
    try {
      // What a successor needs stays.
      if (config.removeOnStop && loop.installed && !seat.succeeded && !seat.succeeds) {
        await removeEverywhere()
        await sleep(clock, AFTER_REMOVAL_MS)
      }
    } finally {
      await seat.release()
      await inheriting
    }
  }

  return {
    preflight: lookBefore,
    onSuccessor: (handler) => seat.onSuccessor(handler),
    async start() {
      await lookBefore()
      await loop.start()
      if (seat.succeeds) inheriting = inherit()
    },
    stop() {
      stopping ??= shutDown()
      return stopping
    },
    status: () => loop.status(),
    async cleanup(waitMs = 0, signal) {
      const held = await lockForCleanup(waitMs, signal)
      try {
        return await removeEverywhere()
      } finally {
        await held.release()
      }
    },
    plan: () => describePlan({ config, run, files, wanted }),
  }
}
