import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import type { AzureEmulator } from '../../emulator/azure/emulator.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { identityId, TENANT } from '../make/objects.ts'
import { failed, judge, worked } from './emulator-azure-judging.ts'
import { send, sendRaw, type WireRequest } from './emulator-azure-wire.ts'
import { clientIdIn, POOL, SINGLE, withEmulator } from './emulator-azure-world.ts'

const METADATA = { headers: { metadata: 'true' } }
const TOKEN = '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net'

async function ask(emulator: AzureEmulator, path: string, options: WireRequest = METADATA) {
  const door = await emulator.imds.listen({ compute: SINGLE })
  return send(`${door.url}${path}`, options)
}

test('a token answer has strings only, the resource as it was asked, and the claims of a managed identity', async () => {
  await withEmulator(async (emulator) => {
    const answer = await ask(emulator, TOKEN)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['server'], 'IMDS/150.870.65.512')
    assert.deepEqual(Object.keys(answer.json).sort(), [
      'access_token',
      'client_id',
      'expires_in',
      'expires_on',
      'ext_expires_in',
      'not_before',
      'resource',
      'token_type',
    ])
    assert.ok(Object.values(answer.json).every((value) => typeof value === 'string' && value !== ''))
    assert.equal(answer.json.resource, 'https://vault.azure.net')
    const claims = decodeJwt(answer.json.access_token)
    assert.equal(claims.iss, `https://sts.windows.net/${TENANT}/`)
    assert.equal(claims.aud, 'https://vault.azure.net')
    assert.equal(claims['appid'], clientIdIn(emulator, 'shop'))
    assert.equal(claims['tid'], TENANT)
    assert.equal(claims['xms_mirid'], identityId('shop').replace('resourceGroups', 'resourcegroups'))
  })
})

test('the same token comes again until it is close to its end', async () => {
  const clock = new FakeClock()
  await withEmulator(
    async (emulator) => {
      const first = await ask(emulator, TOKEN)
      await clock.advance(86_000_000)
      const second = await ask(emulator, TOKEN)
      await clock.advance(200_000)
      const third = await ask(emulator, TOKEN)
      assert.equal(first.json.access_token, second.json.access_token)
      assert.ok(Number(second.json.expires_in) < Number(first.json.expires_in))
      assert.notEqual(third.json.access_token, second.json.access_token)
    },
    { clock },
  )
})

const REFUSALS: { title: string; path: string; options?: WireRequest; status: number; text: RegExp }[] = [
  {
    title: 'without the Metadata header',
    path: TOKEN,
    options: {},
    status: 400,
    text: /Required metadata header not specified/,
  },
  {
    title: 'with the header in another case',
    path: TOKEN,
    options: { headers: { metadata: 'True' } },
    status: 400,
    text: /Required metadata header/,
  },
  {
    title: 'with X-Forwarded-For',
    path: TOKEN,
    options: { headers: { metadata: 'true', 'x-forwarded-for': '10.0.0.1' } },
    status: 400,
    text: /X-Forwarded-For/,
  },
  {
    title: 'with POST',
    path: TOKEN,
    options: { ...METADATA, method: 'POST' },
    status: 405,
    text: /Method not allowed/,
  },
  { title: 'with a query name twice', path: `${TOKEN}&Resource=x`, status: 400, text: /Duplicate/ },
  {
    title: 'without an api-version',
    path: '/metadata/identity/oauth2/token?resource=x',
    status: 400,
    text: /newest-versions/,
  },
  {
    title: 'without a resource',
    path: '/metadata/identity/oauth2/token?api-version=2018-02-01',
    status: 400,
    text: /'resource' is missing/,
  },
  {
    title: 'for an identity that is not on the VM',
    path: `${TOKEN}&client_id=00000000-0000-0000-0000-000000000000`,
    status: 400,
    text: /Identity not found/,
  },
  { title: 'with two selectors', path: `${TOKEN}&client_id=a&object_id=b`, status: 400, text: /Only one of/ },
  {
    title: 'on an unknown identity path',
    path: '/metadata/identity/whatever?api-version=2018-02-01',
    status: 404,
    text: /Not Found/,
  },
  {
    title: 'on an unknown leaf',
    path: '/metadata/instance/compute/nothing?api-version=2021-02-01',
    status: 404,
    text: /Not found/,
  },
  {
    title: 'on a leaf without format=text',
    path: '/metadata/instance/compute/location?api-version=2021-02-01',
    status: 400,
    text: /format=text/,
  },
]

for (const { title, path, options, status, text } of REFUSALS) {
  test(`IMDS refuses a request ${title} with ${status}`, async () => {
    await withEmulator(async (emulator) => {
      const answer = await ask(emulator, path, options ?? METADATA)
      assert.equal(answer.status, status)
      assert.match(answer.text, text)
      assert.ok('error' in answer.json)
    })
  })
}

test('the other pages of IMDS answer: instance, leaf text, versions, identity info, scheduled events', async () => {
  await withEmulator(
    async (emulator) => {
      const get = async (path: string) => (await ask(emulator, `/metadata/${path}`)).text
      assert.equal(await get('instance/compute/location?api-version=2021-02-01&format=text'), 'westeurope')
      assert.equal(await get('instance/compute/resourceId?api-version=2021-02-01&format=text'), SINGLE)
      assert.equal((await get('instance?api-version=2021-02-01')).includes('"name":"single"'), true)
      assert.ok((await get('versions')).includes('"2018-02-01"'))
      assert.deepEqual(JSON.parse(await get('identity/info?api-version=2018-02-01')), { tenantId: TENANT })
      assert.equal(
        await get('scheduledevents?api-version=2020-07-01'),
        '{"DocumentIncarnation":1,"Events":[]}',
      )
    },
    { settings: { imdsLimits: false } },
  )
})

test('IMDS knows who asks by the source address on a shared listener', async () => {
  await withEmulator(async (emulator) => {
    const door = await emulator.imds.listen()
    const name = '/metadata/instance/compute/name?api-version=2021-02-01&format=text'
    const of = async (from: string) => send(`${door.url}${name}`, { ...METADATA, from })
    assert.equal((await of('127.0.0.2')).text, 'pool_1')
    assert.equal((await of('127.0.0.3')).text, 'single')
    assert.equal((await of('127.0.0.4')).status, 404)
  })
})

test('the 21st identity request within a second gets 429 without Retry-After, and the next second is free again', async () => {
  const clock = new FakeClock()
  await withEmulator(
    async (emulator) => {
      for (let turn = 0; turn < 20; turn += 1) assert.equal((await ask(emulator, TOKEN)).status, 200)
      const refused = await ask(emulator, TOKEN)
      assert.equal(refused.status, 429)
      assert.equal(refused.headers['retry-after'], undefined)
      assert.deepEqual(refused.json, {
        error: 'invalid_request',
        error_description: 'Temporarily throttled, too many requests',
      })
      await clock.advance(1_000)
      assert.equal((await ask(emulator, TOKEN)).status, 200)
    },
    { clock },
  )
})

test('the newer credential paths answer like a new IMDS, so that an agent that forwards them is found out', async () => {
  await withEmulator(async (emulator) => {
    const metadata = await ask(emulator, '/metadata/identity/getplatformmetadata?cred-api-version=2.0')
    assert.equal(metadata.status, 200)
    assert.equal(metadata.json.tenantId, TENANT)
    const body = { ...METADATA, method: 'POST', body: '{"csr":"x"}' }
    const credential = await ask(emulator, '/metadata/identity/issuecredential?cred-api-version=2.0', body)
    assert.equal(credential.status, 200)
    assert.equal(typeof credential.json.certificate, 'string')
    assert.equal((await ask(emulator, '/metadata/identity/getplatformmetadata', METADATA)).status, 400)
    assert.equal(emulator.journal.counters['imds.issuecredential'], 1)
  })
})

test('a lenient spelling of the token path is served as by the IMDS of CVE-2022-23551, and is a violation', async () => {
  await withEmulator(async (emulator) => {
    const door = await emulator.imds.listen({ compute: SINGLE })
    const query = TOKEN.slice(TOKEN.indexOf('?'))
    for (const path of [
      '/metadata\\identity\\oauth2\\token',
      '/METADATA/identity/oauth2/%74oken',
      '/metadata/x/../identity/oauth2/token;v=1',
    ]) {
      const raw = await sendRaw(
        door.port,
        `GET ${path}${query} HTTP/1.1\r\nHost: x\r\nMetadata: true\r\nConnection: close\r\n\r\n`,
      )
      assert.match(raw, /^HTTP\/1.1 200 OK[\s\S]*"access_token"/)
    }
    assert.equal(emulator.journal.counters['imds.lenient-credential-path'], 3)
    assert.deepEqual(
      emulator.journal.violations.map(({ rule }) => rule),
      Array(3).fill('imds-lenient-credential-path'),
    )
    emulator.change({ imdsPathReading: 'strict' })
    const strict = await ask(emulator, `/metadata//identity/oauth2/token${query}`)
    assert.equal(strict.status, 404)
  })
})

test('without a selector IMDS takes the system-assigned identity, else the only one, else it refuses', async () => {
  await withEmulator(async (emulator) => {
    emulator.plant({
      identities: [{ id: identityId('shop') }, { id: identityId('other') }],
      vms: [
        { id: `${SINGLE}-none` },
        { id: `${SINGLE}-two`, identities: ['shop', 'other'] },
        { id: `${SINGLE}-system`, identities: ['shop', 'other'], systemAssigned: true },
      ],
    })
    const of = async (suffix: string) => {
      const door = await emulator.imds.listen({ compute: `${SINGLE}${suffix}` })
      return send(`${door.url}${TOKEN}`, METADATA)
    }
    assert.match((await of('-none')).text, /Identity not found/)
    assert.match((await of('-two')).text, /Multiple user assigned identities exist/)
    const system = decodeJwt((await of('-system')).json.access_token)
    assert.equal(system['xms_mirid'], `${SINGLE}-system`.replace('resourceGroups', 'resourcegroups'))
  })
})

test('every selector of every SDK finds the identity, in any case', async () => {
  await withEmulator(async (emulator) => {
    const { clientId = '', principalId = '' } =
      emulator.state.identities.get(identityId('shop').toLowerCase()) ?? {}
    const id = encodeURIComponent(identityId('shop').toUpperCase())
    for (const selector of [
      `client_id=${clientId.toUpperCase()}`,
      `object_id=${principalId}`,
      `principal_id=${principalId}`,
      `msi_res_id=${id}`,
      `mi_res_id=${id}`,
    ])
      assert.equal((await ask(emulator, `${TOKEN}&${selector}`)).json.client_id, clientId, selector)
  })
})

test('an identity that was recreated under its name is unknown until it is removed and added again', async () => {
  await withEmulator(async (emulator) => {
    const before = clientIdIn(emulator, 'shop')
    const { clientId } = emulator.control.recreateIdentity(identityId('shop'))
    assert.notEqual(clientId, before)
    for (const asked of [before, clientId])
      assert.match((await ask(emulator, `${TOKEN}&client_id=${asked}`)).text, /Identity not found/)
  })
})

test('the JavaScript SDK retries while IMDS lags behind ARM by status 503, and shows the reason of a 400', async () => {
  await withEmulator(async (emulator) => {
    const door = await emulator.imds.listen({ compute: `${POOL}/virtualMachines/0` })
    const single = await emulator.imds.listen({ compute: SINGLE })
    emulator.faults.add({
      service: 'imds',
      count: 1,
      effect: { kind: 'error', status: 503, retryAfter: '0' },
    })
    const scope = 'https://vault.azure.net/.default'
    const [first] = await judge(emulator, [{ do: 'imds', resourceId: identityId('shop'), scope }], {
      AZURE_POD_IDENTITY_AUTHORITY_HOST: single.url,
    })
    assert.equal(typeof worked<{ token: string }>(first).token, 'string')
    const [second] = await judge(emulator, [{ do: 'imds', clientId: clientIdIn(emulator, 'shop'), scope }], {
      AZURE_POD_IDENTITY_AUTHORITY_HOST: door.url,
    })
    assert.match(failed(second).message, /invalid_request.*Identity not found/)
    assert.equal(emulator.journal.counters['imds.token'], 3)
  })
})
