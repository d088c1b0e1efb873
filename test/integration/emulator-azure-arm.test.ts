import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AzureEmulator } from '../../emulator/azure/emulator.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { identityId, SUBSCRIPTION, TENANT } from '../make/objects.ts'
import type { ArmTarget } from './emulator-azure-judge.ts'
import { failed, judge, worked } from './emulator-azure-judging.ts'
import { send } from './emulator-azure-wire.ts'
import {
  CLIENT,
  COMPUTE,
  clientIdIn,
  POOL,
  SECRET,
  SEED,
  SINGLE,
  withEmulator,
} from './emulator-azure-world.ts'

const VERSION = '?api-version=2024-07-01'
const [SHOP, OTHER, THIRD] = [identityId('shop'), identityId('other'), identityId('third')]

function target(emulator: AzureEmulator, name: string, group = 'nodes'): ArmTarget {
  const login = { authorityHost: emulator.entraUrl, tenantId: TENANT, clientId: CLIENT, secret: SECRET }
  return { login, endpoint: emulator.armUrl, subscription: SUBSCRIPTION, group, name }
}

async function call(emulator: AzureEmulator, method: string, path: string, body?: unknown) {
  const token = await emulator.mint({ principal: CLIENT, audience: 'https://management.azure.com/' })
  return send(path.startsWith('https:') ? path : `${emulator.armUrl}${path}${VERSION}`, {
    method,
    ca: emulator.caPem,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

const add = (...ids: string[]) => ({
  identity: { type: 'UserAssigned', userAssignedIdentities: Object.fromEntries(ids.map((id) => [id, {}])) },
})
const take = (type: string, ...ids: string[]) => ({
  identity: { type, userAssignedIdentities: Object.fromEntries(ids.map((id) => [id, null])) },
})

test('the JavaScript SDK adds, keeps and removes identities of a VM and waits for each operation', async () => {
  await withEmulator(async (emulator) => {
    const arm = target(emulator, 'single')
    const user = (...ids: string[]) => Object.fromEntries(ids.map((id) => [id, {}]))
    const results = await judge(emulator, [
      { do: 'vm.patch', arm, identity: { type: 'UserAssigned', userAssignedIdentities: user(OTHER, THIRD) } },
      { do: 'vm.patch', arm, identity: { type: 'UserAssigned', userAssignedIdentities: { [OTHER]: null } } },
      { do: 'vm.patch', arm, identity: { type: 'SystemAssigned, UserAssigned' } },
      { do: 'vm.patch', arm, identity: { type: 'None' } },
      { do: 'vm.get', arm },
    ])
    type Vm = {
      identity?: {
        type: string
        principalId?: string
        userAssignedIdentities?: Record<string, { clientId: string }>
      }
    }
    const seen = results.map((result) => worked<Vm>(result).identity)
    assert.deepEqual(Object.keys(seen[0]?.userAssignedIdentities ?? {}), [SHOP, OTHER, THIRD])
    assert.equal(seen[0]?.userAssignedIdentities?.[OTHER]?.clientId, clientIdIn(emulator, 'other'))
    assert.deepEqual(Object.keys(seen[1]?.userAssignedIdentities ?? {}), [SHOP, THIRD])
    assert.equal(seen[2]?.type, 'SystemAssigned, UserAssigned')
    assert.match(seen[2]?.principalId ?? '', /^[0-9a-f-]{36}$/)
    assert.equal(seen[3], undefined)
    assert.equal(seen[4], undefined)
  })
})

test('the JavaScript SDK reports an operation that fails at its end, and the change is rolled back', async () => {
  await withEmulator(async (emulator) => {
    emulator.control.failNextOperations(1, { code: 'InternalExecutionError', message: 'no luck' })
    const [result] = await judge(emulator, [
      { do: 'vmss.patch', arm: target(emulator, 'pool'), ...add(SHOP) },
    ])
    assert.match(
      failed(result).message,
      /The long-running operation has failed\. InternalExecutionError\. no luck/,
    )
    const after = await call(emulator, 'GET', POOL)
    assert.equal(after.json.properties.provisioningState, 'Failed')
    assert.equal(after.json.identity, undefined)
  })
})

test('an operation runs for its time: Updating, headers to poll, then Succeeded, and IMDS knows only after its lag', async () => {
  const clock = new FakeClock()
  await withEmulator(
    async (emulator) => {
      const imds = await emulator.imds.listen({ compute: `${POOL}/virtualMachines/0` })
      const token = async () =>
        (
          await send(`${imds.url}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x`, {
            headers: { metadata: 'true' },
          })
        ).status
      const started = await call(emulator, 'PATCH', POOL, add(SHOP))
      assert.equal(started.status, 200)
      assert.equal(started.json.properties.provisioningState, 'Updating')
      assert.equal(started.headers['retry-after'], '10')
      const operation = String(started.headers['azure-asyncoperation'])
      const location = String(started.headers['location'])
      assert.equal((await call(emulator, 'GET', operation)).json.status, 'InProgress')
      assert.equal((await call(emulator, 'GET', location)).status, 202)
      await clock.advance(40_000)
      assert.equal((await call(emulator, 'GET', operation)).json.status, 'Succeeded')
      const done = await call(emulator, 'GET', location)
      assert.equal(done.status, 200)
      assert.equal(done.json.id, POOL)
      assert.equal(await token(), 400)
      await clock.advance(14_999)
      assert.equal(await token(), 400)
      await clock.advance(1)
      assert.equal(await token(), 200)
    },
    { clock, settings: { vmssOperationMs: 40_000, operationRetryAfterSeconds: 10, imdsLagMs: 15_000 } },
  )
})

test('a PATCH while another runs gets 409; with preemption the older one is cancelled and both changes stay', async () => {
  const clock = new FakeClock()
  await withEmulator(
    async (emulator) => {
      const first = await call(emulator, 'PATCH', POOL, add(SHOP))
      const second = await call(emulator, 'PATCH', POOL, add(OTHER))
      assert.equal(second.status, 409)
      emulator.change({ concurrentPatch: 'preempt' })
      assert.equal((await call(emulator, 'PATCH', POOL, add(OTHER))).status, 200)
      const cancelled = await call(emulator, 'GET', String(first.headers['azure-asyncoperation']))
      assert.equal(cancelled.json.status, 'Canceled')
      assert.equal(cancelled.json.error.code, 'OperationPreempted')
      await clock.advance(1_000)
      const after = await call(emulator, 'GET', POOL)
      assert.deepEqual(Object.keys(after.json.identity?.userAssignedIdentities ?? {}), [SHOP, OTHER])
    },
    { clock, settings: { vmssOperationMs: 1_000 } },
  )
})

test('anything but the identity block in a PATCH is refused and is a violation', async () => {
  await withEmulator(async (emulator) => {
    const answer = await call(emulator, 'PATCH', POOL, { ...add(SHOP), tags: { owner: 'me' } })
    assert.equal(answer.status, 400)
    assert.deepEqual(
      emulator.journal.violations.map(({ rule }) => rule),
      ['patch-beyond-identity'],
    )
  })
})

test('an identity that the caller may not assign, or that does not exist, refuses the whole PATCH by its name', async () => {
  const operator = [{ role: 'Managed Identity Operator', scope: SHOP }]
  const roles = [
    { role: 'Virtual Machine Contributor', scope: `/subscriptions/${SUBSCRIPTION}/resourceGroups/nodes` },
    ...operator,
  ]
  await withEmulator(
    async (emulator) => {
      assert.equal((await call(emulator, 'PATCH', POOL, add(SHOP))).status, 200)
      const forbidden = await call(emulator, 'PATCH', SINGLE, add(SHOP, OTHER))
      assert.equal(forbidden.status, 403)
      assert.equal(forbidden.json.error.code, 'LinkedAuthorizationFailed')
      assert.match(
        forbidden.json.error.message,
        new RegExp(`on the linked scope\\(s\\) '${OTHER}' or the linked`),
      )
      const missing = await call(emulator, 'PATCH', SINGLE, add(identityId('nobody')))
      assert.equal(missing.json.error.code, 'LinkedAuthorizationFailed')
      const reading = await call(emulator, 'GET', SHOP.replace('/shop/', '/elsewhere/'))
      assert.equal(reading.json.error.code, 'AuthorizationFailed')
      assert.equal((await call(emulator, 'PATCH', SINGLE, take('UserAssigned', OTHER))).status, 200)
    },
    { seed: { ...SEED, apps: [{ clientId: CLIENT, secret: SECRET, roles }] } },
  )
})

test('a dead identity in the set fails every PATCH until it is sent with null', async () => {
  await withEmulator(async (emulator) => {
    emulator.control.deleteIdentity(SHOP)
    const stuck = await call(emulator, 'PATCH', SINGLE, add(OTHER))
    assert.equal(stuck.status, 400)
    assert.equal(stuck.json.error.code, 'FailedIdentityOperation')
    assert.ok(stuck.json.error.message.includes(`Resource '${SHOP.toLowerCase()}' was not found`))
    const mended = {
      identity: { type: 'UserAssigned', userAssignedIdentities: { [SHOP.toUpperCase()]: null, [OTHER]: {} } },
    }
    assert.equal((await call(emulator, 'PATCH', SINGLE, mended)).status, 200)
    assert.equal((await call(emulator, 'PATCH', SINGLE, add(THIRD))).status, 200)
  })
})

test('a recreated identity keeps its old ids on the VM until it is removed and added again', async () => {
  await withEmulator(async (emulator) => {
    const before = clientIdIn(emulator, 'shop')
    const { clientId: after } = emulator.control.recreateIdentity(SHOP)
    const shown = async () =>
      Object.values((await call(emulator, 'GET', SINGLE)).json.identity?.userAssignedIdentities ?? {})[0]
        ?.clientId
    await call(emulator, 'PATCH', SINGLE, add(SHOP, OTHER))
    assert.equal(await shown(), before)
    await call(emulator, 'PATCH', SINGLE, take('UserAssigned', SHOP))
    await call(emulator, 'PATCH', SINGLE, add(SHOP))
    assert.equal(
      (await call(emulator, 'GET', SINGLE)).json.identity?.userAssignedIdentities?.[SHOP]?.clientId,
      after,
    )
  })
})

test('ids are stored as first sent, or with resourcegroups in lower case, and found in any case', async () => {
  await withEmulator(async (emulator) => {
    await call(emulator, 'PATCH', POOL, add(SHOP.toLowerCase()))
    await call(emulator, 'PATCH', POOL.toUpperCase(), add(SHOP))
    emulator.change({ identityKeyCase: 'lower-resourcegroups' })
    const after = await call(emulator, 'PATCH', POOL, add(OTHER))
    assert.deepEqual(Object.keys(after.json.identity?.userAssignedIdentities ?? {}), [
      SHOP.toLowerCase(),
      OTHER.replace('resourceGroups', 'resourcegroups'),
    ])
  })
})

test('the 13th update of one scale set gets 429; a bucket refills with 4 a minute', async () => {
  const clock = new FakeClock()
  await withEmulator(
    async (emulator) => {
      emulator.change({ vmssOperationMs: 0 })
      const patch = async () => {
        const answer = await call(emulator, 'PATCH', POOL, add(SHOP))
        await clock.advance(0)
        return answer
      }
      for (let turn = 0; turn < 12; turn += 1) assert.equal((await patch()).status, 200)
      const refused = await patch()
      assert.equal(refused.status, 429)
      assert.equal(refused.headers['retry-after'], '15')
      assert.match(refused.text, /TooManyRequests.*UpdateVMScaleSet3Min/)
      emulator.change({ armRetryAfter: false })
      assert.equal((await patch()).headers['retry-after'], undefined)
      await clock.advance(15_000)
      assert.equal((await patch()).status, 200)
      assert.equal((await patch()).status, 429)
    },
    { clock },
  )
})

test('a flexible set shows ids alone and takes no system identity; its VMs name the set', async () => {
  await withEmulator(async (emulator) => {
    const flex = `${COMPUTE}/virtualMachineScaleSets/flex`
    const answer = await call(emulator, 'PATCH', flex, add(SHOP))
    assert.deepEqual(answer.json.identity, { type: 'UserAssigned', userAssignedIdentities: { [SHOP]: {} } })
    assert.equal((await call(emulator, 'PATCH', flex, { identity: { type: 'SystemAssigned' } })).status, 400)
    const member = await call(emulator, 'GET', `${COMPUTE}/virtualMachines/flex_1`)
    assert.deepEqual(member.json.properties['virtualMachineScaleSet'], { id: flex })
  })
})

test('ARM refuses what carries no good token: none, a foreign one, an expired one, one for another resource', async () => {
  await withEmulator(async (emulator) => {
    const arm = 'https://management.azure.com'
    const attempt = async (token?: string) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const answer = await send(`${emulator.armUrl}${POOL}${VERSION}`, { ca: emulator.caPem, headers })
      assert.match(String(answer.headers['www-authenticate'] ?? 'Bearer'), /^Bearer/)
      return answer.json.error?.code ?? answer.status
    }
    assert.equal(await attempt(), 'AuthenticationFailed')
    assert.equal(await attempt('x.y.z'), 'InvalidAuthenticationToken')
    const token = await emulator.mint({ principal: CLIENT, audience: arm })
    assert.equal(await attempt(`${token.slice(0, -8)}AAAAAAAA`), 'InvalidAuthenticationToken')
    assert.equal(
      await attempt(await emulator.mint({ principal: CLIENT, audience: arm, lifetimeSeconds: 0 })),
      'ExpiredAuthenticationToken',
    )
    assert.equal(
      await attempt(await emulator.mint({ principal: CLIENT, audience: 'https://vault.azure.net' })),
      'InvalidAuthenticationToken',
    )
    assert.equal(await attempt(token), 200)
  })
})

test('what is not emulated is refused loudly', async () => {
  await withEmulator(async (emulator) => {
    assert.equal((await call(emulator, 'PUT', POOL, { location: 'x' })).status, 405)
    assert.equal((await call(emulator, 'GET', `/subscriptions/${SUBSCRIPTION}/resourcegroups`)).status, 404)
    assert.deepEqual(
      emulator.journal.violations.map(({ rule }) => rule),
      ['arm-unsupported', 'arm-unsupported'],
    )
  })
})

test('the 404s of ARM tell subscription, group and resource apart; a Deleting resource is not updated', async () => {
  await withEmulator(async (emulator) => {
    const code = async (path: string) => (await call(emulator, 'GET', path)).json.error.code
    assert.equal(await code(`${COMPUTE}/virtualMachines/none`), 'ResourceNotFound')
    assert.equal(
      await code(`${COMPUTE.replace('/nodes/', '/none/')}/virtualMachines/none`),
      'ResourceGroupNotFound',
    )
    assert.equal(
      await code(`${COMPUTE.replace(SUBSCRIPTION, TENANT)}/virtualMachines/none`),
      'SubscriptionNotFound',
    )
    emulator.control.setProvisioningState(SINGLE, 'Deleting')
    assert.equal((await call(emulator, 'GET', SINGLE)).json.properties.provisioningState, 'Deleting')
    assert.equal((await call(emulator, 'PATCH', SINGLE, add(OTHER))).status, 409)
  })
})

test('with a read lag GET shows the old identities for a while', async () => {
  const clock = new FakeClock()
  await withEmulator(
    async (emulator) => {
      await call(emulator, 'PATCH', SINGLE, add(OTHER))
      const count = async () =>
        Object.keys((await call(emulator, 'GET', SINGLE)).json.identity?.userAssignedIdentities ?? {}).length
      assert.equal(await count(), 1)
      await clock.advance(5_000)
      assert.equal(await count(), 2)
    },
    { clock, settings: { armReadLagMs: 5_000 } },
  )
})

test('the JavaScript SDK manages identities and federated credentials, with their rules', async () => {
  await withEmulator(
    async (emulator) => {
      const made = target(emulator, 'fresh', 'shop')
      const fic = (credential: string, subject: string, audiences = ['api://AzureADTokenExchange']) => ({
        do: 'federated.put' as const,
        arm: made,
        credential,
        issuer: 'https://issuer.example/',
        subject,
        audiences,
      })
      const results = await judge(emulator, [
        { do: 'identity.put', arm: made },
        { do: 'identity.get', arm: made },
        fic('one', 'system:serviceaccount:a:b'),
        fic('two', 'system:serviceaccount:a:b'),
        fic('two', 'system:serviceaccount:a:c', ['a', 'b']),
        ...Array.from({ length: 20 }, (_, number) => fic(`more-${number}`, `s${number}`)),
        { do: 'federated.list', arm: made },
        { do: 'federated.delete', arm: made, credential: 'one' },
        { do: 'identity.delete', arm: made },
        { do: 'identity.get', arm: made },
        fic('late', 'x'),
      ])
      const identity = worked<{ clientId: string; principalId: string }>(results[0])
      assert.equal(worked<{ clientId: string }>(results[1]).clientId, identity.clientId)
      assert.equal(worked<{ subject: string }>(results[2]).subject, 'system:serviceaccount:a:b')
      assert.match(failed(results[3]).message, /Issuer and subject combination already exists/)
      assert.match(failed(results[4]).message, /must have exactly one audience/)
      assert.equal(failed(results[24]).statusCode, 400)
      assert.equal(worked<unknown[]>(results[25]).length, 20)
      worked(results[26])
      worked(results[27])
      assert.equal(failed(results[28]).code, 'ResourceNotFound')
      assert.match(failed(results[29]).message, /The parent user-assigned identity doesn't exist/)
    },
    { settings: { armLimits: false, federatedWriteMs: 0 } },
  )
})

test('two federated credentials of one identity are not written at once; those of two identities are', async () => {
  const clock = new FakeClock()
  await withEmulator(
    async (emulator) => {
      const body = (subject: string) => ({ properties: { issuer: 'https://i/', subject, audiences: ['a'] } })
      const put = (id: string, name: string) =>
        call(emulator, 'PUT', `${id}/federatedIdentityCredentials/${name}`, body(name))
      const writing = (id: string) => emulator.state.identities.get(id.toLowerCase())?.writing === true
      const running = [put(SHOP, 'one'), put(OTHER, 'one')]
      for (let turn = 0; turn < 10_000 && !writing(SHOP); turn += 1) await clock.advance(0)
      for (let turn = 0; turn < 10_000 && !writing(OTHER); turn += 1) await clock.advance(0)
      const refused = await put(SHOP, 'two')
      assert.equal(refused.status, 409)
      assert.equal(
        refused.json.error.code,
        'ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity',
      )
      await clock.advance(20)
      assert.deepEqual(
        (await Promise.all(running)).map(({ status }) => status),
        [201, 201],
      )
    },
    { clock },
  )
})

test('subscriptions, tenants and the cloud description answer as command lines expect at login', async () => {
  await withEmulator(async (emulator) => {
    const { json } = await call(emulator, 'GET', '/subscriptions')
    assert.equal(json.value[0]?.['subscriptionId'], SUBSCRIPTION)
    assert.equal((await call(emulator, 'GET', '/tenants')).json.value[0]?.['tenantId'], TENANT)
    const clouds = await send(`${emulator.armUrl}/metadata/endpoints?api-version=2020-06-01`, {
      ca: emulator.caPem,
    })
    assert.match(clouds.text, /"keyVaultDns":"vault\.azure\.net"/)
    const missing = await send(`${emulator.armUrl}/subscriptions`, { ca: emulator.caPem })
    assert.equal(missing.json.error.code, 'MissingApiVersionParameter')
  })
})

test('a VM may log in to ARM with its system-assigned identity and has the roles of that identity', async () => {
  await withEmulator(async (emulator) => {
    const roles = [{ role: 'Reader', scope: COMPUTE.slice(0, COMPUTE.indexOf('/providers')) }]
    emulator.plant({ vms: [{ id: `${SINGLE}-own`, systemAssigned: true, roles }] })
    const imds = await emulator.imds.listen({ compute: `${SINGLE}-own` })
    const query = 'api-version=2018-02-01&resource=https://management.azure.com/'
    const token = await send(`${imds.url}/metadata/identity/oauth2/token?${query}`, {
      headers: { metadata: 'true' },
    })
    const ask = (method: string) =>
      send(`${emulator.armUrl}${POOL}${VERSION}`, {
        method,
        ca: emulator.caPem,
        headers: { authorization: `Bearer ${token.json.access_token}` },
        ...(method === 'GET' ? {} : { body: '{}' }),
      })
    assert.equal((await ask('GET')).status, 200)
    assert.equal((await ask('PATCH')).json.error.code, 'AuthorizationFailed')
  })
})

test('an identity that somebody puts on by hand is known to ARM and to IMDS at once', async () => {
  await withEmulator(async (emulator) => {
    emulator.control.unassign(SINGLE, SHOP)
    emulator.control.assign(SINGLE, SHOP.toUpperCase())
    const { identity } = (await call(emulator, 'GET', SINGLE)).json
    assert.deepEqual(Object.keys(identity?.userAssignedIdentities ?? {}), [SHOP])
    const imds = await emulator.imds.listen({ compute: SINGLE })
    const query = 'api-version=2018-02-01&resource=x'
    const token = await send(`${imds.url}/metadata/identity/oauth2/token?${query}`, {
      headers: { metadata: 'true' },
    })
    assert.equal(token.status, 200)
    assert.throws(() => emulator.control.assign(SINGLE, `${SHOP}-none`), RangeError)
  })
})

test('an identity that somebody takes off by hand is gone from ARM and from IMDS at once', async () => {
  await withEmulator(async (emulator) => {
    emulator.control.unassign(SINGLE, SHOP.toUpperCase())
    assert.equal((await call(emulator, 'GET', SINGLE)).json.identity, undefined)
    const imds = await emulator.imds.listen({ compute: SINGLE })
    const query = 'api-version=2018-02-01&resource=x'
    const token = await send(`${imds.url}/metadata/identity/oauth2/token?${query}`, {
      headers: { metadata: 'true' },
    })
    assert.match(token.text, /Identity not found/)
  })
})
