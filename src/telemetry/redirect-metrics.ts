import { Counter } from 'prom-client'
import type { Registry } from './registry.ts'

/** Metrics of the packet redirect. */
export function createRedirectMetrics(registry: Registry) {
  const checks = new Counter({
    name: 'podid_redirect_checks_total',
    help: 'Looks at the iptables rules by outcome: unchanged, installed, repaired, failed.',
    labelNames: ['outcome'],
    registers: [registry],
  })
  const cut = new Counter({
    name: 'podid_redirect_connections_cut_total',
    help: 'Connections to the metadata address that were older than the rules and were cut.',
    registers: [registry],
  })
  return {
    rulesChecked: (outcome: 'unchanged' | 'installed' | 'repaired' | 'failed'): void =>
      checks.inc({ outcome }),
    connectionsCut: (count: number): void => cut.inc(count),
  }
}
