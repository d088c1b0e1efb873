import type { Registry } from 'prom-client'
import { measureProcess } from '../../src/telemetry/event-loop.ts'
import { createKeyVaultMetrics } from '../../src/telemetry/keyvault-metrics.ts'
import { createKubeMetrics } from '../../src/telemetry/kube-metrics.ts'
import { createMicMetrics } from '../../src/telemetry/mic-metrics.ts'
import { createNmiMetrics } from '../../src/telemetry/nmi-metrics.ts'
import { createRedirectMetrics } from '../../src/telemetry/redirect-metrics.ts'
import { createRegistry } from '../../src/telemetry/registry.ts'
import { createStartupTaintMetrics } from '../../src/telemetry/startup-taint-metrics.ts'
import { createTokenMetrics } from '../../src/telemetry/token-metrics.ts'

/** The page is made by asking the components themselves what they register. */
export async function metricsPage(): Promise<string> {
  const nmi = createRegistry()
  createNmiMetrics(nmi, { connections: () => 0, waiting: () => 0, inFlight: () => 0 })
  createTokenMetrics(nmi)
  createRedirectMetrics(nmi)
  createKubeMetrics(nmi)
  measureProcess(nmi).stop()
  const mic = createRegistry()
  createMicMetrics(mic)
  createStartupTaintMetrics(mic, () => 0)
  createKubeMetrics(mic)
  measureProcess(mic).stop()
  const keyVault = createRegistry()
  const provider = createKeyVaultMetrics(keyVault)
  provider.watchQueue(() => 0)
  provider.watchCache(() => 0)
  provider.watchMounts(() => 0)
  provider.watchSocket(() => true)
  measureProcess(keyVault).stop()
  return `# Metrics

In the Prometheus text format: the node agent on port 9090, the controller on 8888, the Key Vault provider on 8898, path
\`/metrics\`. Metrics that begin with \`aadpodidentity_\` keep name and labels of AAD Pod Identity 1.8, \`keyvault_request\` and
\`grpc_request\` those of the Azure Key Vault provider 1.8, with codes of failures where it had their texts. Values of labels
that users or callers choose are bounded; what is beyond the bound counts as \`other\`. Made from
\`src/telemetry/*-metrics.ts\` by \`node scripts/documents.ts\`.

## Node agent

${await tableOf(nmi)}

## Controller

${await tableOf(mic)}

## Key Vault provider

${await tableOf(keyVault)}
`
}

async function tableOf(registry: Registry): Promise<string> {
  const metrics = await registry.getMetricsAsJSON()
  const rows = metrics
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(
      (metric) =>
        `| \`${metric.name}\` | ${typeOf(metric.type)} | ${labelsOf(registry, metric.name)} | ${metric.help} |`,
    )
  return `| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}`
}

/** prom-client's own list of types, as it is exported at run time. */
function typeOf(type: unknown): string {
  return typeof type === 'string' ? type : ''
}

function labelsOf(registry: Registry, name: string): string {
  const metric: unknown = registry.getSingleMetric(name)
  if (typeof metric !== 'object' || metric === null || !('labelNames' in metric)) return ''
  const names = metric.labelNames
  return Array.isArray(names) ? names.map((each) => `\`${String(each)}\``).join(', ') : ''
}
