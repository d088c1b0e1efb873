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
import { NODE_LOCK_NAME, type NodeLock, takeNodeLock } from './node-lock.ts'
import { preflight } from './preflight.ts'
import { type RedirectAddresses, wantedChains } from './rules.ts'

export interface RedirectConfig {
  readonly addresses: RedirectAddresses
  /** `--ipt-update-interval-sec`, in milliseconds. */
  readonly intervalMs: number
  readonly backend: BackendChoice
  /** What happens at start to connections older than the rules; `require` refuses to start without conntrack. */
  readonly cutConnections: 'off' | 'try' | 'require'
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
   * Call before the agent listens: looks for everything that is in the way and takes the node's lock.
   * @throws OperatorError with what to do.
   */
  preflight(): Promise<void>
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
  let lock: NodeLock | undefined
  let stopping: Promise<void> | undefined

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

  const lookBefore = async (): Promise<void> => {
    if (lock !== undefined) return
    const { listenAddress, listenPort } = config.addresses
    const holder = `process ${process.pid}, listening on ${listenAddress}:${listenPort}`
    const taken = await takeNodeLock(clock, { name: lockName, holder })
    try {
      const found = await preflight({ ...config, run, files })
      if (found.problems.length > 0) throw new OperatorError(found.problems.join('\n'))
      backend = found.backend
      log.info({ backend: found.backend?.kind }, 'iptables backend is chosen')
    } catch (thrown) {
      await taken.release()
      throw thrown
    }
    lock = taken
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
        if (!(thrown instanceof OperatorError) || clock.monotonic() >= endsAt) throw thrown
      }
      await sleep(clock, LOCK_LOOK_MS, signal)
    }
  }

  const shutDown = async (): Promise<void> => {
    await loop.stop()
    try {
      if (config.removeOnStop && loop.installed) {
        await removeEverywhere()
        await sleep(clock, AFTER_REMOVAL_MS)
      }
    } finally {
      await lock?.release()
    }
  }

  return {
    preflight: lookBefore,
    async start() {
      await lookBefore()
      await loop.start()
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
