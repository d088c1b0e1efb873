import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { json, startScriptedApi } from '../../../test/fakes/scripted-api.ts'
import { createRest } from '../../kube/rest.ts'
import { silentLog } from '../../telemetry/log.ts'
import { SecretForbiddenError } from '../../tokens/secret-reader.ts'
import { watchSecrets } from './secret-watches.ts'

const forbidden = json(403, {
  kind: 'Status',
  code: 403,
  reason: 'Forbidden',
  message:
    'secrets "shop-sp" is forbidden: User "system:serviceaccount:podid-system:podid-nmi" cannot watch resource "secrets" in API group "" in the namespace "shop"',
})

test('a Secret that may not be read is told at once, with the commands that grant it and nothing more', async (t) => {
  const api = await startScriptedApi(...Array.from({ length: 20 }, () => forbidden))
  t.after(() => api.close())
  const clock = new FakeClock()
  const failures: string[] = []
  const secrets = watchSecrets({
    rest: createRest(api.connection(), clock),
    clock,
    log: silentLog,
    readFailed: () => failures.push('read'),
  })
  t.after(() => secrets.stop())
  const asking = secrets.secret({ namespace: 'shop', name: 'shop-sp' }, new AbortController().signal)
  await assert.rejects(asking, (thrown) => {
    assert.ok(thrown instanceof SecretForbiddenError)
    assert.equal(
      thrown.message,
      'podid has no right to it. kubectl -n shop create role podid-shop-sp --verb=list,watch --resource=secrets --resource-name=shop-sp && ' +
        'kubectl -n shop create rolebinding podid-shop-sp --role=podid-shop-sp --serviceaccount=podid-system:podid-nmi',
    )
    return true
  })
  assert.deepEqual(failures, ['read'])
})
