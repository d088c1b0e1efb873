import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Answer, json, startScriptedApi, status } from '../../../test/fakes/scripted-api.ts'
import { systemClock } from '../../base/clock.ts'
import { leaseLock } from '../../kube/lease-lock.ts'
import { legacyLock } from '../../kube/legacy-lock.ts'
import { createRest } from '../../kube/rest.ts'
import { silentLog } from '../../telemetry/log.ts'
import { removeLocks, stopDeployment } from './last-steps.ts'

async function serverFor(t: TestContext, ...answers: Answer[]) {
  const api = await startScriptedApi(...answers)
  t.after(() => api.close())
  return { api, rest: createRest(api.connection(), systemClock), signal: new AbortController().signal }
}

const lease = (holder?: string): Answer =>
  json(200, { metadata: { name: 'lock', resourceVersion: '7' }, spec: { holderIdentity: holder } })

test('MIC is stopped by the scale of its Deployment, and nothing else of it is written', async (t) => {
  const { api, rest, signal } = await serverFor(t, json(200, {}))
  await stopDeployment({ rest, log: silentLog }, 'podid-system/podid-mic', signal)
  const [ask] = api.asked
  assert.equal(ask?.method, 'PATCH')
  assert.equal(ask?.path, '/apis/apps/v1/namespaces/podid-system/deployments/podid-mic/scale')
  assert.deepEqual(JSON.parse(ask?.body ?? ''), { spec: { replicas: 0 } })
})

test('a MIC that is not there needs no stop; one that may not be stopped is an error', async (t) => {
  const { rest, signal } = await serverFor(t, status(404, 'NotFound'), status(403, 'Forbidden'))
  await stopDeployment({ rest, log: silentLog }, 'a/b', signal)
  await assert.rejects(stopDeployment({ rest, log: silentLog }, 'a/b', signal), /Forbidden/)
  for (const text of ['b', 'a/', 'a/b/c']) {
    await assert.rejects(stopDeployment({ rest, log: silentLog }, text, signal), /--drain-stops/)
  }
})

test('locks that nobody holds are deleted, as they were seen', async (t) => {
  const { api, rest, signal } = await serverFor(
    t,
    lease(),
    json(200, {}),
    json(200, { metadata: { name: 'lock', resourceVersion: '9' } }),
    json(200, {}),
  )
  await removeLocks(
    [leaseLock(rest, 'default', 'lock'), legacyLock(rest, 'default', 'lock')],
    silentLog,
    signal,
  )
  assert.deepEqual(
    api.asked.map(({ method, path }) => `${method} ${path}`),
    [
      'GET /apis/coordination.k8s.io/v1/namespaces/default/leases/lock',
      'DELETE /apis/coordination.k8s.io/v1/namespaces/default/leases/lock',
      'GET /api/v1/namespaces/default/endpoints/lock',
      'DELETE /api/v1/namespaces/default/endpoints/lock',
    ],
  )
  assert.deepEqual(JSON.parse(api.asked[1]?.body ?? ''), { preconditions: { resourceVersion: '7' } })
})

test('a lock that somebody holds, or took in between, stays', async (t) => {
  const { api, rest, signal } = await serverFor(t, lease('old-mic'), lease(), status(409, 'Conflict'))
  const lock = leaseLock(rest, 'default', 'lock')
  assert.equal(await lock.removeFree(signal), false)
  assert.equal(await lock.removeFree(signal), false)
  assert.deepEqual(
    api.asked.map(({ method }) => method),
    ['GET', 'GET', 'DELETE'],
  )
})

test('a lock that is gone counts as removed; one that may not be deleted is no reason to fail', async (t) => {
  const { api, rest, signal } = await serverFor(
    t,
    status(404, 'NotFound'),
    lease(),
    status(403, 'Forbidden'),
    lease(),
    json(200, {}),
  )
  const lock = leaseLock(rest, 'default', 'lock')
  assert.equal(await lock.removeFree(signal), true)
  await removeLocks([lock, lock], silentLog, signal)
  assert.equal(api.asked.length, 5)
})
