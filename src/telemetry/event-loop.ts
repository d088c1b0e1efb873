import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge } from 'prom-client'
import type { Registry } from './registry.ts'

const NANOSECONDS = 1e9

/** Gauges of the event loop's delay and the process's memory, read when they are scraped. */
export function measureProcess(registry: Registry): { stop(): void } {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  new Gauge({
    name: 'podid_event_loop_delay_seconds',
    help: 'Delay of the event loop since the last scrape, by quantile.',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      this.set({ quantile: '0.5' }, delay.percentile(50) / NANOSECONDS)
      this.set({ quantile: '0.99' }, delay.percentile(99) / NANOSECONDS)
      this.set({ quantile: '1' }, delay.max / NANOSECONDS)
      delay.reset()
    },
  })
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
    registers: [registry],
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  return { stop: () => delay.disable() }
}
