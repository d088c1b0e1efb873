import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEntraClient } from '../../src/azure/entra-client.ts'
import { createImdsClient } from '../../src/azure/imds-client.ts'
import { systemClock } from '../../src/base/clock.ts'
import { SecretString } from '../../src/base/secret.ts'
import { watchSecrets } from '../../src/cli/nmi/secret-watches.ts'
import { createDirectReads } from '../../src/kube/direct-reads.ts'
import { createRest } from '../../src/kube/rest.ts'
import { createKubeMetrics } from '../../src/telemetry/kube-metrics.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createRegistry } from '../../src/telemetry/registry.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { startScriptedApi } from '../fakes/scripted-api.ts'
import { startStub } from '../harness/stub-server.ts'
import { TENANT } from '../make/objects.ts'

const never = new AbortController().signal

test('requests to IMDS and Entra carry the User-Agent', async () => {
  const refused = { status: 400, body: { error: 'invalid_request' } }
  await using metadata = await startStub(() => refused)
  await using login = await startStub(() => refused, { tls: true })
  const userAgent = 'podid shop/1.0'
  const imds = createImdsClient({ clock: systemClock, baseUrl: metadata.origin, userAgent })
  const entra = createEntraClient({ clock: systemClock, ca: login.ca, userAgent })
  const credential = { kind: 'secret', secret: new SecretString('s') } as const
  await assert.rejects(imds.token({ resource: 'r' }, never))
  await imds.get('/metadata/versions', never)
  await assert.rejects(
    entra.token({ origin: login.origin, tenantId: TENANT, clientId: 'c', resource: 'r', credential }, never),
  )
  imds.close()
  entra.close()
  const sent = [...metadata.requests, ...login.requests].map(({ headers }) => headers['user-agent'])
  assert.deepEqual(sent, [userAgent, userAgent, userAgent])
})

test('failed reads of pods and Secrets are counted under the old operations', async () => {
  const api = await startScriptedApi()
  const clock = new FakeClock()
  const rest = createRest(api.connection(), clock)
  const registry = createRegistry()
  const { operationFailed } = createKubeMetrics(registry, clock)
  await assert.rejects(createDirectReads(rest, operationFailed).podsOfNode('node-0', never))
  const secrets = watchSecrets({
    rest,
    clock,
    log: silentLog,
    readFailed: () => operationFailed('get_secret'),
  })
  const read = assert.rejects(secrets.secret({ namespace: 'default', name: 'password' }, never), /password/)
  await clock.advance(10_000)
  await read
  const gone = new AbortController()
  const left = assert.rejects(secrets.secret({ namespace: 'default', name: 'password' }, gone.signal))
  gone.abort(new Error('the client is gone'))
  await left
  await secrets.stop()
  await api.close()
  const text = await registry.metrics()
  for (const operation of ['get_pod_list', 'get_secret']) {
    const sample = `aadpodidentity_kubernetes_api_operations_errors_count{operation_type="${operation}"} 1\n`
    assert.ok(text.includes(sample), operation)
  }
})
