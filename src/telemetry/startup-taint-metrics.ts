import { Counter, Gauge } from 'prom-client'
import type { Registry } from './registry.ts'

/** Metrics of `--startup-taint`. */
export function createStartupTaintMetrics(registry: Registry, tainted: () => number): { removed(): void } {
  const removed = new Counter({
    name: 'podid_startup_taints_removed_total',
    help: 'Nodes whose start-up taint was removed because their node agent was ready.',
    registers: [registry],
  })
  new Gauge({
    name: 'podid_startup_tainted_nodes',
    help: 'Nodes that have the start-up taint: more than a minute after a node came, its node agent is not ready.',
    registers: [registry],
    collect() {
      this.set(tainted())
    },
  })
  return { removed: () => removed.inc() }
}
