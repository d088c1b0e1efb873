import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNmiMetrics } from './nmi-metrics.ts'
import { createRegistry } from './registry.ts'

function setting() {
  const registry = createRegistry()
  const gauges = { connections: () => 3, waiting: () => 2, inFlight: () => 1 }
  return { registry, metrics: createNmiMetrics(registry, gauges) }
}

const REQUEST = {
  operation: '/metadata/identity/oauth2/token',
  status: 200,
  namespace: 'a',
  resource: 'r',
  seconds: 0.1,
}

test('values of labels that users choose are bounded: the next ones count as other', async () => {
  const { registry, metrics } = setting()
  for (let i = 0; i < 500; i += 1) metrics.answered({ ...REQUEST, namespace: `n${i}`, resource: `r${i}` })
  const text = await registry.metrics()
  const namespaces = new Set([...text.matchAll(/namespace="([^"]*)"/g)].map((match) => match[1]))
  const resources = new Set([...text.matchAll(/resource="([^"]*)"/g)].map((match) => match[1]))
  assert.ok(namespaces.size <= 102 && namespaces.has('other'), String(namespaces.size))
  assert.ok(resources.size <= 102 && resources.has('other'), String(resources.size))
})

test('a resource that was refused is never a new value, one that was granted stays known', async () => {
  const { registry, metrics } = setting()
  metrics.answered({ ...REQUEST, status: 403, resource: 'hostile' })
  metrics.answered({ ...REQUEST, resource: 'https://vault' })
  metrics.answered({ ...REQUEST, status: 429, resource: 'https://vault' })
  const text = await registry.metrics()
  assert.doesNotMatch(text, /hostile/)
  assert.match(text, /status_code="403",namespace="a",resource="other"/)
  assert.match(text, /status_code="429",namespace="a",resource="https:\/\/vault"/)
})

test('every event has its metric, and gauges are read when they are scraped', async () => {
  const { registry, metrics } = setting()
  metrics.refused('no-label', 'configuration')
  metrics.probed()
  metrics.tokenServed(false)
  metrics.exceptionUsed('kube-system')
  metrics.waited('gone', 2)
  metrics.connectionRefused()
  metrics.auditDropped()
  const text = await registry.metrics()
  for (const line of [
    'podid_nmi_refusals_total{code="no-label",blame="configuration"} 1',
    'podid_nmi_probes_total 1',
    'podid_nmi_tokens_total{cache="miss"} 1',
    'podid_nmi_exceptions_total{namespace="kube-system"} 1',
    'podid_nmi_wait_duration_seconds_count{outcome="gone"} 1',
    'podid_nmi_connections_refused_total 1',
    'podid_nmi_audit_dropped_total 1',
    'podid_nmi_connections 3',
    'podid_nmi_waiting_requests 2',
    'podid_nmi_in_flight_requests 1',
  ]) {
    assert.ok(text.includes(line), line)
  }
})
