import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EntraRequest } from '../../src/azure/entra-client.ts'
import type { Pod, Secret } from '../../src/model/resources.ts'
import { createSecretSource } from '../../src/tokens/secret-source.ts'
import { tokenTextOf } from '../fakes/fake-broker.ts'
import { ask } from '../harness/http.ts'
import { bindShop, put, remove, startNmi } from '../harness/nmi-world.ts'
import { makeIdentity, TENANT } from '../make/objects.ts'

const VAULT = '/metadata/identity/oauth2/token?resource=https://vault.azure.net'

test('of several keys the first by name is the secret, without the line ends of its file', async () => {
  const secret: Secret = {
    namespace: 'default',
    name: 'password',
    uid: 'u',
    resourceVersion: '1',
    data: { z: Buffer.from('last'), a: Buffer.from(' first \r\n\n') },
  }
  const sent: EntraRequest[] = []
  const stop = new Error('seen enough')
  const source = createSecretSource(
    {
      token({ entra }) {
        sent.push(entra)
        return Promise.reject(stop)
      },
    },
    { secret: () => Promise.resolve(secret), subscribe: () => () => {} },
    { loginOrigin: 'https://login.microsoftonline.com', forceNamespaced: false },
  )
  const clientPassword = { namespace: 'default', name: 'password' }
  const identity = makeIdentity({ type: 1, tenantId: TENANT, clientPassword })
  const request = { principal: { kind: 'identity', identity } as const, caller: 'pod', resource: 'r' }
  await assert.rejects(source.token(request, new AbortController().signal))
  const credential = sent[0]?.credential
  assert.equal(credential?.kind === 'secret' ? credential.secret.reveal() : '', ' first ')
})

test('a pod that is still Pending gets its token, as its init containers need it', async () => {
  await using world = await startNmi()
  const { pod, identity } = bindShop(world)
  put<Pod>(world.pods, { ...pod, phase: 'Pending' })
  assert.equal((await ask(world.url, VAULT)).json()['access_token'], tokenTextOf(identity))
})

test('a deleted AzureIdentity ends its tokens at once', async () => {
  await using world = await startNmi()
  const { identity } = bindShop(world)
  assert.equal((await ask(world.url, VAULT)).status, 200)
  remove(world.identities, identity)
  const answer = await ask(world.url, VAULT)
  assert.equal(answer.status, 403)
  assert.deepEqual(answer.json()['error_codes'], ['identity-missing'])
})
