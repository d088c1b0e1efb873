import { createEntraClient } from '../azure/entra-client.ts'
import { createImdsClient } from '../azure/imds-client.ts'
import { systemClock } from '../base/clock.ts'
import { sleep, untilAborted } from '../base/deadline.ts'
import { errorText, OperatorError } from '../base/errors.ts'
import { Owner } from '../base/lifecycle.ts'
import { createDirectReads, type DirectReads } from '../kube/direct-reads.ts'
import { createRest } from '../kube/rest.ts'
import { objectKey } from '../model/names.ts'
import { build, type Nmi } from '../nmi/nmi.ts'
import type { Redirect } from '../nmi/redirect/redirect.ts'
import { measureProcess } from '../telemetry/event-loop.ts'
import { createKubeMetrics } from '../telemetry/kube-metrics.ts'
import type { Log } from '../telemetry/log.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetricsServer } from '../telemetry/metrics-server.ts'
import { type Check, createProbes } from '../telemetry/probes.ts'
import { createRegistry, type Registry } from '../telemetry/registry.ts'
import { createTokenMetrics } from '../telemetry/token-metrics.ts'
import { createTokenBroker } from '../tokens/broker.ts'
import { cloudNamed } from './cloud.ts'
import { connect } from './connection.ts'
import { type Environment, flagValues } from './flag-command.ts'
import type { Invocation } from './invocation.ts'
import { removeBridgeGuards, startCallerProof } from './nmi/caller-proof.ts'
import { type NmiFlags, nmiConfigOf } from './nmi/config.ts'
import { letSucceed } from './nmi/hand-over.ts'
import { redirectOf } from './nmi/redirect.ts'
import { type SecretWatches, watchSecrets } from './nmi/secret-watches.ts'
import { type WatchedNmiStores, watchNmiStores } from './nmi/stores.ts'
import { NMI_FLAGS } from './nmi-flags.ts'
import { stayAwake } from './stay-awake.ts'

/** `podid nmi`: until the stop signal, or one of the tasks `--cleanup` and `--dry-run`. */
export async function runNmi({ command, environment, stop }: Invocation): Promise<number> {
  const flags = flagValues(command, NMI_FLAGS, environment)
  const log = createLog({ component: 'nmi', verbosity: flags.v, format: flags['log-format'] })
  const registry = createRegistry()
  const redirect = redirectOf(flags, registry, log)
  if (flags.cleanup) {
    const removed = await stayAwake(() => redirect.cleanup(flags['cleanup-wait'], stop))
    return report([...removed, ...(await stayAwake(() => removeBridgeGuards(systemClock)))])
  }
  if (flags['dry-run']) return report([await redirect.plan()])
  if (flags.node === '')
    throw new OperatorError('--node (or NODE_NAME) must name the node that this agent serves')
  const owner = new Owner()
  try {
    await serve({
      flags,
      environment,
      log,
      registry,
      redirect: flags['manage-redirect'] ? redirect : undefined,
      owner,
      stop,
    })
  } finally {
    await owner.close()
  }
  return 0
}

interface Serving {
  readonly flags: NmiFlags
  readonly environment: Environment
  readonly log: Log
  readonly registry: Registry
  /** Absent when something else redirects. */
  readonly redirect: Redirect | undefined
  readonly owner: Owner
  readonly stop: AbortSignal
}

/** Order of start: what may refuse, watches, listener, rules; then ready. Stop is the reverse. */
async function serve(serving: Serving): Promise<void> {
  const { flags, environment, log, registry, redirect, owner, stop } = serving
  const metrics = createMetricsServer({
    host: flags['probe-address'],
    port: flags['prometheus-port'],
    registry,
    log,
    shared: redirect !== undefined,
  })
  owner.own(() => metrics.close())
  const succeeds = (await redirect?.preflight(() => metrics.open())) ?? false
  const connection = await connect(flags.kubeconfig, environment)
  owner.own(() => connection.close())
  const rest = createRest(connection, systemClock)
  const measured = measureProcess(registry)
  owner.own(() => measured.stop())
  const kubeMetrics = createKubeMetrics(registry)
  const managed = flags['operation-mode'] === 'managed'
  const stores = watchNmiStores({
    rest,
    node: flags.node,
    managed,
    clock: systemClock,
    log,
    metrics: kubeMetrics,
  })
  const secrets = watchSecrets({
    rest,
    clock: systemClock,
    log,
    readFailed: () => kubeMetrics.operationFailed('get_secret'),
  })
  owner.own(() => secrets.stop())
  const nmi = await buildNmi({
    ...serving,
    stores,
    secrets,
    reads: createDirectReads(rest, kubeMetrics.operationFailed),
  })

  const checks = (): readonly Check[] => [...stores.checks(), ...nmi.checks(), ...redirectChecks(redirect)]
  const probes = createProbes({
    host: flags['probe-address'],
    port: flags['http-probe-port'],
    ready: checks,
    live: () => [{ name: 'process', failure: undefined }],
    healthz: () => (redirect?.status().active === false ? 'Not Active' : 'Active'),
  })
  owner.own(() => probes.close())
  await probes.open()
  if (!succeeds) await metrics.open()
  if (redirect !== undefined)
    letSucceed({ redirect, probes, metrics, regain: () => nmi.regain(), owner, log })

  owner.own(() => stores.stop())
  await stores.start()
  // Until then the agent before answers.
  if (succeeds) await untilPassed(() => [...stores.checks(), ...nmi.checks()], SUCCESSION_MS, stop)
  owner.own(() => nmi.stop())
  await nmi.start()
  if (redirect !== undefined) {
    owner.own(() => redirect.stop())
    await redirect.start()
  }
  if (succeeds) await untilPassed(checks, SUCCESSION_MS / 2, stop)
  log.info(
    { node: flags.node, mode: flags['operation-mode'], probes: probes.port, metrics: metrics.port },
    'started',
  )
  await untilAborted(stop)
  log.info({ reason: errorText(stop.reason) }, 'stopping')
}

const LOOK_MS = 20
/** With half as much again, less than the minute after which the one before counts as not ready and is removed. */
const SUCCESSION_MS = 30_000

/** A successor that does not get ready in time ends, and the agent before goes on. @throws OperatorError */
async function untilPassed(checks: () => readonly Check[], ms: number, stop: AbortSignal): Promise<void> {
  const endsAt = systemClock.monotonic() + ms
  for (;;) {
    const failed = checks().find(({ failure }) => failure !== undefined)
    if (failed === undefined || stop.aborted) return
    if (systemClock.monotonic() > endsAt)
      throw new OperatorError(`not ready in time to succeed the agent of this node: ${failed.failure ?? ''}`)
    await sleep(systemClock, LOOK_MS)
  }
}

interface NmiParts extends Serving {
  readonly stores: WatchedNmiStores
  readonly secrets: SecretWatches
  readonly reads: DirectReads
}

async function buildNmi(parts: NmiParts): Promise<Nmi> {
  const { flags, environment, log, registry, owner, stores, secrets } = parts
  const userAgent = ['podid', flags['custom-user-agent']].filter(Boolean).join(' ')
  const imds = createImdsClient({
    clock: systemClock,
    userAgent,
    baseUrl: `http://${flags['metadata-ip']}:${flags['metadata-port']}`,
  })
  owner.own(() => imds.close())
  const entra = createEntraClient({ clock: systemClock, userAgent })
  owner.own(() => entra.close())
  const broker = createTokenBroker({
    clock: systemClock,
    log,
    metrics: createTokenMetrics(registry),
    imds,
    entra,
    secrets,
    rules: {
      loginOrigin: (await cloudNamed(flags.cloud, environment)).loginOrigin,
      forceNamespaced: flags.forceNamespaced || flags['operation-mode'] === 'managed',
    },
  })
  owner.own(() => broker.stop())
  await broker.start()
  dropUnnamedSecrets(stores, secrets, owner)
  const proof = flags['verify-callers']
    ? startCallerProof({
        pods: stores.pods,
        clock: systemClock,
        log,
        owner,
        guard: flags['manage-redirect'] ? { metadataIp: flags['metadata-ip'] } : undefined,
      })
    : undefined
  return build(nmiConfigOf(flags), {
    stores,
    podReader: {
      podsAt: async (address, signal) =>
        (await parts.reads.podsOfNode(flags.node, signal)).filter((pod) => pod.addresses.includes(address)),
    },
    broker,
    imds,
    clock: systemClock,
    log,
    audit: flags.audit ? writeAudit : (_lines, done) => done(),
    registry,
    ...(proof === undefined ? {} : { proof }),
  })
}

/** A Secret that no identity names any more is not watched any more. */
function dropUnnamedSecrets(stores: WatchedNmiStores, secrets: SecretWatches, owner: Owner): void {
  const unsubscribe = stores.identities.subscribe((change) => {
    if (change.before?.clientPassword === undefined) return
    const named = [...stores.identities.values()].flatMap(({ clientPassword }) =>
      clientPassword === undefined ? [] : [objectKey(clientPassword.namespace, clientPassword.name)],
    )
    secrets.keepOnly(new Set(named))
  })
  owner.own(unsubscribe)
}

function redirectChecks(redirect: Redirect | undefined): Check[] {
  if (redirect === undefined) return []
  const { active, reason } = redirect.status()
  return [{ name: 'redirect', failure: active ? undefined : (reason ?? 'the rules are not written yet') }]
}

/** Standard output holds nothing but the audit, so it can be shipped on its own. */
function writeAudit(lines: string, done: () => void): void {
  process.stdout.write(lines, () => done())
}

function report(lines: readonly string[]): number {
  for (const line of lines) console.log(line)
  return 0
}
