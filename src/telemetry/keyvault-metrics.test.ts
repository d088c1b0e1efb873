import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyVaultMetrics } from './keyvault-metrics.ts'
import { createRegistry } from './registry.ts'

const read = { objectType: 'secret', objectName: 'db', error: '', seconds: 0.15 } as const

test('requests to the vault keep name, labels and buckets of the old provider', async () => {
  const registry = createRegistry()
  createKeyVaultMetrics(registry).vaultRequest(read)
  const text = await registry.metrics()
  const bounds = [...text.matchAll(/^keyvault_request_bucket\{le="([^"]+)"/gm)].map(([, bound]) => bound)
  assert.equal(bounds.join(' '), '0.1 0.2 0.3 0.4 0.5 1 1.5 2 2.5 3 5 10 15 30 +Inf')
  const count = /^keyvault_request_count\{(.*)\} 1$/m.exec(text)?.[1] ?? ''
  assert.deepEqual(count.split(',').sort(), [
    'error=""',
    'object_name="db"',
    'object_type="secret"',
    'os_type="linux"',
    'provider="azure"',
    'service_name="csi-secrets-store-provider-azure"',
  ])
})

test('calls on the socket keep their old name, and carry a code where a text was', async () => {
  const registry = createRegistry()
  createKeyVaultMetrics(registry).grpcRequest({
    method: '/v1alpha1.CSIDriverProvider/Mount',
    code: 'Unknown',
    error: 'vault-forbidden',
    seconds: 3,
  })
  assert.match(
    await registry.metrics(),
    /^grpc_request_count\{.*grpc_method="\/v1alpha1.CSIDriverProvider\/Mount",grpc_code="Unknown",grpc_message="vault-forbidden"\} 1$/m,
  )
})

test('names of objects are bounded', async () => {
  const registry = createRegistry()
  const metrics = createKeyVaultMetrics(registry)
  for (let i = 0; i < 230; i += 1) metrics.vaultRequest({ ...read, objectName: `object-${i}` })
  metrics.vaultRequest({ ...read, objectName: 'object-7' })
  const text = await registry.metrics()
  const names = new Set([...text.matchAll(/object_name="([^"]+)"/g)].map(([, name]) => name))
  assert.equal(names.size, 201)
  assert.match(text, /^keyvault_request_count\{.*object_name="other".*\} 30$/m)
  assert.match(text, /^keyvault_request_count\{.*object_name="object-7".*\} 2$/m)
})

test('each outcome of a mount is there from the start', async () => {
  const registry = createRegistry()
  const metrics = createKeyVaultMetrics(registry)
  metrics.mountEnded('ok', 0.01)
  metrics.mountEnded('vault-throttled', 100)
  const text = await registry.metrics()
  assert.match(text, /^podid_keyvault_mounts_total\{outcome="ok"\} 1$/m)
  assert.match(text, /^podid_keyvault_mounts_total\{outcome="vault-throttled"\} 1$/m)
  assert.match(text, /^podid_keyvault_mounts_total\{outcome="object-not-found"\} 0$/m)
  assert.match(text, /^podid_keyvault_mount_duration_seconds_bucket\{le="60"\} 1$/m)
})

test('what is read and what is left out is counted', async () => {
  const registry = createRegistry()
  const metrics = createKeyVaultMetrics(registry)
  metrics.objectRead('last_known_good', 'cert')
  metrics.objectLeftOut()
  const text = await registry.metrics()
  assert.match(text, /^podid_keyvault_reads_total\{source="last_known_good",object_type="cert"\} 1$/m)
  assert.match(text, /^podid_keyvault_objects_left_out_total 1$/m)
})

test('gauges are read when they are scraped', async () => {
  const registry = createRegistry()
  const metrics = createKeyVaultMetrics(registry)
  let serving = false
  metrics.watchSocket(() => serving)
  metrics.watchQueue(() => 4)
  metrics.watchCache(() => 1024)
  metrics.watchMounts(() => 2)
  assert.match(await registry.metrics(), /^podid_keyvault_socket_serving 0$/m)
  serving = true
  const text = await registry.metrics()
  assert.match(text, /^podid_keyvault_socket_serving 1$/m)
  assert.match(text, /^podid_keyvault_vault_requests_queued 4$/m)
  assert.match(text, /^podid_keyvault_cache_bytes 1024$/m)
  assert.match(text, /^podid_keyvault_mounts_in_flight 2$/m)
})
