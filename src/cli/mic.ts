import { hostname } from 'node:os'
import { systemClock } from '../base/clock.ts'
import { untilAborted } from '../base/deadline.ts'
import { errorText } from '../base/errors.ts'
import { Owner } from '../base/lifecycle.ts'
import { createEventRecorder } from '../kube/event-recorder.ts'
import { createEventWriter } from '../kube/event-writer.ts'
import { createLeaderElection } from '../kube/lease.ts'
import { leaseLock } from '../kube/lease-lock.ts'
import { legacyLock } from '../kube/legacy-lock.ts'
import { createTaintRemover } from '../kube/node-taints.ts'
import { createObjectWriter } from '../kube/object-writer.ts'
import { createRest, type Rest } from '../kube/rest.ts'
import { createMic } from '../mic/mic.ts'
import { createProtection } from '../mic/protection.ts'
import { createStartupTaints, type StartupTaints } from '../mic/startup-taints.ts'
import type { TermDeps } from '../mic/term.ts'
import { World } from '../mic/world.ts'
import { measureProcess } from '../telemetry/event-loop.ts'
import { createKubeMetrics } from '../telemetry/kube-metrics.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { createMetricsServer } from '../telemetry/metrics-server.ts'
import { createMicMetrics } from '../telemetry/mic-metrics.ts'
import { type Check, createProbes } from '../telemetry/probes.ts'
import { createRegistry, type Registry } from '../telemetry/registry.ts'
import { createStartupTaintMetrics } from '../telemetry/startup-taint-metrics.ts'
import { connect } from './connection.ts'
import { type Environment, flagValues } from './flag-command.ts'
import type { Invocation } from './invocation.ts'
import { openArm } from './mic/arm.ts'
import { leaderTimes, type MicFlags, micConfigOf } from './mic/config.ts'
import { drainAll } from './mic/drain.ts'
import { removeLocks, stopDeployment } from './mic/last-steps.ts'
import { ownershipRecords } from './mic/ownership-records.ts'
import { type StartupTaint, startupTaintOf } from './mic/startup-taint.ts'
import { type WatchedMicStores, watchMicStores } from './mic/stores.ts'
import { MIC_FLAGS } from './mic-flags.ts'

/** `podid mic`: until the stop signal, or until `--drain` is done. */
export async function runMic({ command, environment, stop }: Invocation): Promise<number> {
  const flags = flagValues(command, MIC_FLAGS, environment)
  const log = createLog({ component: 'mic', verbosity: flags.v, format: flags['log-format'] })
  const owner = new Owner()
  try {
    await control({ flags, environment, log, owner, stop })
  } finally {
    await owner.close()
  }
  return 0
}

interface Controlling {
  readonly flags: MicFlags
  readonly environment: Environment
  readonly log: Log
  readonly owner: Owner
  readonly stop: AbortSignal
}

async function control({ flags, environment, log, owner, stop }: Controlling): Promise<void> {
  const registry = createRegistry()
  const measured = measureProcess(registry)
  owner.own(() => measured.stop())
  const metrics = createMicMetrics(registry)
  const kubeMetrics = createKubeMetrics(registry)
  const connection = await connect(flags.kubeconfig, environment)
  owner.own(() => connection.close())
  const rest = createRest(connection, systemClock)
  const startupTaint = startupTaintOf(flags)
  const stores = watchMicStores({ rest, clock: systemClock, log, metrics: kubeMetrics }, startupTaint)
  const arm = await openArm({ flags, environment, log, metrics, clock: systemClock, owner })
  const events = createEventRecorder({
    writer: createEventWriter(connection, systemClock),
    clock: systemClock,
    log,
    metrics: kubeMetrics,
    component: 'podid-mic',
  })
  owner.own(() => events.stop())
  await events.start()
  const { leadership, locks } = await elections({ flags, environment, log, owner })
  const deps: TermDeps = {
    config: micConfigOf(flags),
    clock: systemClock,
    log,
    metrics,
    world: new World(stores),
    refresh: (signal) => stores.refresh(signal),
    arm,
    writer: createObjectWriter(connection, systemClock),
    records: ownershipRecords(rest, flags['leader-election-namespace']),
    events,
    protection: createProtection({
      immutable: flags['immutable-user-msis'],
      clusterIdentity: () => arm.clusterIdentity(),
      login: () => arm.login(),
    }),
  }
  if (flags.drain) {
    if (flags['drain-stops'] !== '') await stopDeployment({ rest, log }, flags['drain-stops'], stop)
    await drainAll({ deps, leadership, stores, timeoutMs: flags['drain-timeout'], log, stop })
    return removeLocks(locks, log, stop)
  }
  const startupTaints = taintsOf(startupTaint, { stores, rest, registry, log })
  const mic = createMic({ ...deps, leadership, startupTaints })

  const checks = (): readonly Check[] => stores.checks()
  const probes = createProbes({
    host: flags['probe-address'],
    port: flags['http-probe-port'],
    ready: checks,
    live: () => [{ name: 'process', failure: undefined }],
    healthz: () => (mic.isLeading() ? 'Active' : 'Not Active'),
  })
  owner.own(() => probes.close())
  await probes.open()
  const metricsServer = createMetricsServer({
    host: flags['probe-address'],
    port: flags['prometheus-port'],
    registry,
    log,
  })
  owner.own(() => metricsServer.close())
  await metricsServer.open()
  owner.own(() => stores.stop())
  await stores.start()
  owner.own(() => mic.stop())
  await mic.start()
  log.info({ probes: probes.port, metrics: metricsServer.port }, 'started')
  await Promise.race([untilAborted(stop), mic.ended])
  log.info({ reason: errorText(stop.reason) }, 'stopping')
}

function taintsOf(
  taint: StartupTaint | undefined,
  parts: { stores: WatchedMicStores; rest: Rest; registry: Registry; log: Log },
): StartupTaints | undefined {
  const { agents, nodes } = parts.stores
  if (taint === undefined || agents === undefined) return undefined
  const taints: StartupTaints = createStartupTaints({
    key: taint.key,
    nodes,
    agents,
    remove: createTaintRemover(parts.rest),
    metrics: createStartupTaintMetrics(parts.registry, () => taints.tainted()),
    clock: systemClock,
    log: parts.log,
  })
  return taints
}

/** Both locks, over a connection of their own: work never delays a renewal. */
async function elections({ flags, environment, log, owner }: Omit<Controlling, 'stop'>) {
  const connection = await connect(flags.kubeconfig, environment)
  owner.own(() => connection.close())
  const rest = createRest(connection, systemClock)
  const namespace = flags['leader-election-namespace']
  const name = flags['leader-election-name']
  const lease = leaseLock(rest, namespace, name)
  const leaseDurationMs = flags['leader-election-duration']
  const locks = flags['legacy-lock'] ? [lease, legacyLock(rest, namespace, name)] : [lease]
  const leadership = createLeaderElection({
    locks,
    identity: flags['leader-election-instance'] === '' ? hostname() : flags['leader-election-instance'],
    leaseDurationMs,
    ...leaderTimes(leaseDurationMs),
    clock: systemClock,
    log,
  })
  return { leadership, locks }
}
