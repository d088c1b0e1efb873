import packageJson from '../../package.json' with { type: 'json' }
import { createEntraClient } from '../azure/entra-client.ts'
import { createImdsClient } from '../azure/imds-client.ts'
import { createKeyVaultClient } from '../azure/key-vault-client.ts'
import { readProxies } from '../azure/proxies.ts'
import { systemClock } from '../base/clock.ts'
import { untilAborted } from '../base/deadline.ts'
import { errorText } from '../base/errors.ts'
import { Owner } from '../base/lifecycle.ts'
import { createPodIdentity } from '../keyvault/identity/pod-identity.ts'
import { createVaultTokens } from '../keyvault/identity/vault-tokens.ts'
import { build, type ProviderDeps } from '../keyvault/provider.ts'
import { readMetrics } from '../keyvault/vault/read-metrics.ts'
import { createVaultReader } from '../keyvault/vault/shared-reads.ts'
import { measureProcess } from '../telemetry/event-loop.ts'
import { createHealthDoor } from '../telemetry/health-door.ts'
import { createKeyVaultMetrics } from '../telemetry/keyvault-metrics.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { createMetricsServer } from '../telemetry/metrics-server.ts'
import { createRegistry, type Registry } from '../telemetry/registry.ts'
import type { ValuesOf } from './flag.ts'
import { type Environment, flagValues } from './flag-command.ts'
import type { Invocation } from './invocation.ts'
import { KEYVAULT_PROVIDER_FLAGS } from './keyvault-provider-flags.ts'
import { rulesOf } from './keyvault-provider-rules.ts'

type Flags = ValuesOf<typeof KEYVAULT_PROVIDER_FLAGS>

/** `podid keyvault-provider`: until the stop signal. */
export async function runKeyvaultProvider({ command, environment, stop }: Invocation): Promise<number> {
  const flags = flagValues(command, KEYVAULT_PROVIDER_FLAGS, environment)
  const log = createLog({
    component: 'keyvault-provider',
    verbosity: flags.v,
    format: flags['log-format-json'] ? 'json' : flags['log-format'],
  })
  const owner = new Owner()
  try {
    await serve({ flags, environment, log, owner, stop })
  } finally {
    await owner.close()
  }
  return 0
}

interface Serving {
  readonly flags: Flags
  readonly environment: Environment
  readonly log: Log
  readonly owner: Owner
  readonly stop: AbortSignal
}

/** Order of start: what may refuse, doors for operators, the socket. Stop is the reverse. */
async function serve(serving: Serving): Promise<void> {
  const { flags, environment, log, owner, stop } = serving
  const registry = createRegistry()
  const measured = measureProcess(registry)
  owner.own(() => measured.stop())
  const provider = build(
    {
      endpoint: flags.endpoint,
      version: packageJson.version,
      maxMounts: flags['max-mounts'],
      maxAnswerBytes: flags['max-answer-bytes'],
      shutdownMs: flags['shutdown-timeout'],
      healthTimeoutMs: flags['healthz-timeout'],
      settings: {
        constructPemChain: flags['construct-pem-chain'],
        separateFiles: flags['write-cert-and-key-in-separate-files'],
      },
    },
    { ...upstreams(serving, registry), rules: await rulesOf(flags, environment) },
  )
  const host = flags['probe-address']
  const metrics = createMetricsServer({ host, port: flags['prometheus-port'], registry, log })
  owner.own(() => metrics.close())
  await metrics.open()
  const health = createHealthDoor({
    host,
    port: flags['healthz-port'],
    path: flags['healthz-path'],
    health: () => provider.health(owner.signal),
    ready: () => provider.checks(),
  })
  owner.own(() => health.close())
  await health.open()
  owner.own(() => provider.stop())
  await provider.start()
  log.info({ endpoint: flags.endpoint, health: health.port, metrics: metrics.port }, 'started')
  await untilAborted(stop)
  log.info({ reason: errorText(stop.reason) }, 'stopping')
}

/** What the mounts ask: vaults, Entra, IMDS and NMI. Proxies lead to the first two only. */
function upstreams(
  { flags, environment, log, owner }: Serving,
  registry: Registry,
): Omit<ProviderDeps, 'rules'> {
  const clock = systemClock
  const metrics = createKeyVaultMetrics(registry)
  const proxies = readProxies(environment)
  const userAgent = ['podid', flags['custom-user-agent']].filter(Boolean).join(' ')
  const entra = createEntraClient({ clock, userAgent, proxies })
  owner.own(() => entra.close())
  const imds = createImdsClient({ clock, userAgent, baseUrl: flags['metadata-endpoint'] })
  owner.own(() => imds.close())
  const podIdentity = createPodIdentity({ clock, userAgent, endpoint: flags['pod-identity-endpoint'] })
  owner.own(() => podIdentity.close())
  const tokens = createVaultTokens({ clock, entra, imds, podIdentity })
  owner.own(() => tokens.stop())
  const client = createKeyVaultClient({ clock, userAgent, proxies })
  owner.own(() => client.close())
  const reader = createVaultReader(
    {
      pollMaxAgeMs: flags['poll-max-age'],
      cacheBytes: flags['cache-size'] * 1024 * 1024,
      perSecond: flags['vault-requests-per-second'],
    },
    { clock, client, observe: readMetrics(metrics) },
  )
  owner.own(() => reader.stop())
  metrics.watchQueue(() => reader.queued)
  metrics.watchCache(() => reader.bytes)
  return { tokens, reader, metrics, log, clock }
}
