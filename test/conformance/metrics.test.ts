import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKubeMetrics } from '../../src/telemetry/kube-metrics.ts'
import { createMicMetrics } from '../../src/telemetry/mic-metrics.ts'
import { createNmiMetrics } from '../../src/telemetry/nmi-metrics.ts'
import { createRegistry, type Registry } from '../../src/telemetry/registry.ts'
import { createTokenMetrics } from '../../src/telemetry/token-metrics.ts'
import { makeMicWorld, vmssId, vmssNode } from '../make/mic-world.ts'
import { makePod } from '../make/objects.ts'

/** Both components with one sample of everything that has labels. */
function agent(): { registry: Registry; text: Promise<string> } {
  const registry = createRegistry()
  const none = () => 0
  const nmi = createNmiMetrics(registry, { connections: none, waiting: none, inFlight: none })
  const operation = '/metadata/identity/oauth2/token'
  nmi.answered({ operation, status: 200, namespace: 'shop', resource: 'r', seconds: 0.6 })
  const tokens = createTokenMetrics(registry)
  const seconds = 0.06
  tokens.upstreamRequest({ upstream: 'imds', operation: 'adal_token_msi', outcome: 'ok', seconds })
  tokens.upstreamRequest({ upstream: 'entra', operation: 'adal_token', outcome: 'denied', seconds })
  createKubeMetrics(registry).operationFailed('get_pod_list')
  return { registry, text: registry.metrics() }
}

function controller(): { registry: Registry; text: Promise<string> } {
  const registry = createRegistry()
  const metrics = createMicMetrics(registry)
  metrics.armCall('vmss_update', 500, 700)
  metrics.kubeWriteFailed('update_azure_assigned_identity_status')
  metrics.objectCreated('a/b', 0)
  metrics.objectAssigned('a/b', 2_000)
  return { registry, text: registry.metrics() }
}

const HISTOGRAMS = [
  'assigned_identity_addition_duration_seconds',
  'assigned_identity_deletion_duration_seconds',
  'assigned_identity_update_duration_seconds',
  'imds_operations_duration_seconds',
  'nmi_operations_duration_seconds',
  'mic_cycle_duration_seconds',
  'cloud_provider_operations_duration_seconds',
]
const COUNTERS = [
  'assigned_identity_addition_count',
  'assigned_identity_deletion_count',
  'assigned_identity_update_count',
  'mic_cycle_count',
  'mic_new_leader_election_count',
  'cloud_provider_operations_errors_count',
  'kubernetes_api_operations_errors_count',
  'imds_operations_errors_count',
]

function bucketsOf(text: string, name: string): number[] {
  const found = text.matchAll(new RegExp(`^aadpodidentity_${name}_bucket\\{.*?le="([\\d.]+)"`, 'gm'))
  return [...found].map(([, bound]) => Number(bound))
}

test('every metric of AAD Pod Identity is there under its name, type and labels', async () => {
  const text = `${await agent().text}\n${await controller().text}`
  for (const name of HISTOGRAMS) assert.ok(text.includes(`# TYPE aadpodidentity_${name} histogram\n`), name)
  for (const name of COUNTERS) assert.ok(text.includes(`# TYPE aadpodidentity_${name} counter\n`), name)
  for (const sample of [
    'nmi_operations_duration_seconds_count{operation_type="/metadata/identity/oauth2/token",status_code="200",namespace="shop",resource="r"} 1',
    'imds_operations_duration_seconds_count{operation_type="adal_token_msi"} 1',
    'imds_operations_errors_count{operation_type="adal_token"} 1',
    'cloud_provider_operations_errors_count{operation_type="vmss_update",status_code="500"} 1',
    'kubernetes_api_operations_errors_count{operation_type="get_pod_list"} 1',
    'kubernetes_api_operations_errors_count{operation_type="update_azure_assigned_identity_status"} 1',
    'assigned_identity_addition_count 1',
    'assigned_identity_addition_duration_seconds_sum 2',
  ]) {
    assert.ok(text.includes(`aadpodidentity_${sample}\n`), sample)
  }
})

test('the buckets of AAD Pod Identity are kept', async () => {
  const ofController = await controller().text
  const cloud = [0.5, 1, 5, 10, 30, 60, 120, 300, 600, 900, 1200]
  assert.deepEqual(bucketsOf(ofController, 'cloud_provider_operations_duration_seconds'), cloud)
  assert.deepEqual(bucketsOf(ofController, 'assigned_identity_addition_duration_seconds'), cloud)
  const imds = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 2, 3, 4, 5, 10]
  const ofAgent = bucketsOf(await agent().text, 'imds_operations_duration_seconds')
  assert.deepEqual(ofAgent.slice(0, imds.length), imds)
})

test('the buckets of NMI’s operations are kept, with finer ones below', async () => {
  const buckets = bucketsOf(await agent().text, 'nmi_operations_duration_seconds')
  const old = [0.5, 1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
  assert.deepEqual(
    buckets.filter((bound) => bound >= 0.5),
    old,
  )
  assert.ok(buckets.some((bound) => bound < 0.5))
})

test('new metrics begin with podid_ and those of the process', () => {
  const old = new Set([...HISTOGRAMS, ...COUNTERS].map((name) => `aadpodidentity_${name}`))
  for (const { registry } of [agent(), controller()]) {
    for (const { name } of registry.getMetricsAsArray()) {
      assert.ok(old.has(name) || /^(?:podid|process)_/.test(name), name)
    }
  }
})

test('a cycle is one pass over one VM or scale set', async () => {
  const registry = createRegistry()
  const metrics = createMicMetrics(registry)
  const { arm, addIdentity, clock, cluster, startMic } = makeMicWorld({
    wrap: (deps) => ({ ...deps, metrics }),
  })
  addIdentity('shop')
  for (const set of ['a', 'b', 'c']) {
    arm.addGroup(vmssId(set))
    cluster.put('nodes', vmssNode(set, 0))
    cluster.put('pods', makePod({ name: `shop-${set}`, nodeName: `${set}-0` }))
  }
  const mic = startMic()
  await clock.advance(2_000)
  const cycles = /^aadpodidentity_mic_cycle_count (\d+)$/m.exec(await registry.metrics())?.[1]
  assert.ok(Number(cycles) >= 3, `${cycles} cycles for three scale sets`)
  await mic.kill()
})
