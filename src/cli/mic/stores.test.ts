import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { startScriptedApi, stream } from '../../../test/fakes/scripted-api.ts'
import { wireBookmark } from '../../../test/make/wire.ts'
import { createRest } from '../../kube/rest.ts'
import { createKubeMetrics } from '../../telemetry/kube-metrics.ts'
import { silentLog } from '../../telemetry/log.ts'
import { createRegistry } from '../../telemetry/registry.ts'
import { watchMicStores } from './stores.ts'

test('MIC watches the pods that have the label, and all of its other kinds; a refresh lists each anew', async (t) => {
  const list = stream(wireBookmark(9, true))
  const api = await startScriptedApi(...Array.from({ length: 10 }, () => list))
  const clock = new FakeClock()
  const stores = watchMicStores({
    rest: createRest(api.connection(), clock),
    clock,
    log: silentLog,
    metrics: createKubeMetrics(createRegistry()),
  })
  t.after(async () => {
    await stores.stop()
    await api.close()
  })
  const { signal } = new AbortController()
  await stores.start()
  await stores.refresh(signal)
  const asked = api.asked.map(({ path, query }) => `${path.split('/').at(-1)} ${query.get('labelSelector')}`)
  const kinds = ['azureassignedidentities', 'azureidentities', 'azureidentitybindings', 'nodes']
  assert.deepEqual(asked.sort(), [...kinds.map((kind) => `${kind} null`), 'pods aadpodidbinding'])
  await stores.refresh(signal)
  assert.equal(api.asked.length, 10)
  assert.ok(api.asked.every(({ query }) => query.get('sendInitialEvents') === 'true'))
})
