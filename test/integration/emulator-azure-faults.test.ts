import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AzureEmulator } from '../../emulator/azure/emulator.ts'
import type { Effect } from '../../emulator/azure/faults/fault-rule.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { identityId, TENANT } from '../make/objects.ts'
import { send } from './emulator-azure-wire.ts'
import { CLIENT, POOL, SECRET, SEED, SINGLE, withEmulator } from './emulator-azure-world.ts'

const TOKEN = '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x'

async function ask(emulator: AzureEmulator) {
  const door = await emulator.imds.listen({ compute: SINGLE })
  return send(`${door.url}${TOKEN}`, { headers: { metadata: 'true' } })
}

const add = (emulator: AzureEmulator, effect: Effect, more: object = {}) =>
  emulator.faults.add({ service: 'imds', effect, ...more })

test('an error rule answers in the words of the service, with and without Retry-After', async () => {
  await withEmulator(async (emulator) => {
    add(emulator, { kind: 'error', status: 429 }, { count: 1 })
    add(emulator, { kind: 'error', status: 410, retryAfter: '70' }, { count: 1 })
    add(
      emulator,
      { kind: 'error', status: 503, body: 'host agent restarting', headers: { server: 'agent' } },
      { count: 1 },
    )
    const throttled = await ask(emulator)
    assert.equal(throttled.status, 429)
    assert.match(throttled.text, /Temporarily throttled/)
    assert.equal(throttled.headers['retry-after'], undefined)
    const gone = await ask(emulator)
    assert.deepEqual([gone.status, gone.headers['retry-after']], [410, '70'])
    const busy = await ask(emulator)
    assert.deepEqual(
      [busy.status, busy.text, busy.headers['server']],
      [503, 'host agent restarting', 'agent'],
    )
    assert.equal((await ask(emulator)).status, 200)
  })
})

test('a reset cuts the connection, before the work, after it or in the middle of the body', async () => {
  await withEmulator(async (emulator) => {
    for (const when of ['before', 'after', 'mid-body'] as const) {
      add(emulator, { kind: 'reset', when }, { count: 1 })
      await assert.rejects(ask(emulator), /ECONNRESET|socket hang up|aborted/)
    }
    assert.equal((await ask(emulator)).status, 200)
    assert.deepEqual(
      emulator.journal.requests.map(({ status, fault }) => [status, fault?.split(':')[1]]),
      [
        [0, 'reset'],
        [0, 'reset'],
        [0, 'reset'],
        [200, undefined],
      ],
    )
  })
})

test('a lost answer is not a lost request: with work done the change is there', async () => {
  await withEmulator(async (emulator) => {
    emulator.faults.add({
      route: 'arm.*.patch',
      count: 1,
      effect: { kind: 'error', status: 500, work: 'done' },
    })
    const token = await emulator.mint({ principal: CLIENT, audience: 'https://management.azure.com' })
    const answer = await send(`${emulator.armUrl}${POOL}?api-version=2024-07-01`, {
      method: 'PATCH',
      ca: emulator.caPem,
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({
        identity: { type: 'UserAssigned', userAssignedIdentities: { [identityId('shop')]: {} } },
      }),
    })
    assert.equal(answer.status, 500)
    assert.equal(emulator.state.computes.get(POOL.toLowerCase())?.identity.user.size, 1)
  })
})

test('garbage comes in every kind', async () => {
  await withEmulator(async (emulator) => {
    const kinds = ['html', 'bytes', 'empty', 'cut-json', 'wrong-json'] as const
    for (const what of kinds) add(emulator, { kind: 'garbage', what }, { count: 1 })
    const texts: string[] = []
    for (const _ of kinds) texts.push((await ask(emulator)).text)
    assert.match(texts[0] ?? '', /^<html>/)
    assert.equal(texts[2], '')
    assert.throws(() => JSON.parse(texts[3] ?? ''))
    assert.ok(Array.isArray(JSON.parse(texts[4] ?? '')))
  })
})

test('a delay and a slow body take their time by the clock', async () => {
  const clock = new FakeClock()
  await withEmulator(
    async (emulator) => {
      add(emulator, { kind: 'latency', latency: { kind: 'fixed', ms: 3_000 } })
      add(emulator, { kind: 'slow-body', chunkBytes: 100, everyMs: 1_000 })
      const started = clock.monotonic()
      const answer = ask(emulator)
      const finished = () => emulator.journal.requests[0]?.finishedMs !== undefined
      for (let turn = 0; !finished() && turn < 1_000; turn += 1) await clock.advance(500)
      assert.equal((await answer).status, 200)
      assert.ok(clock.monotonic() - started > 10_000)
    },
    { clock },
  )
})

test('closing ends requests that hang', async () => {
  let hanging: Promise<unknown> = Promise.resolve()
  await withEmulator(async (emulator) => {
    add(emulator, { kind: 'hang' })
    hanging = assert.rejects(ask(emulator))
    const arrived = () => emulator.journal.counters['imds.token'] === 1
    for (let turn = 0; !arrived() && turn < 100_000; turn += 1)
      await new Promise((done) => setImmediate(done))
  })
  await hanging
})

test('clock skew moves the times of one service alone', async () => {
  const clock = new FakeClock()
  await withEmulator(
    async (emulator) => {
      emulator.change({ clockSkewMs: { imds: -3_600_000 } })
      const answer = await ask(emulator)
      assert.equal(answer.headers['date'], new Date(clock.now() - 3_600_000).toUTCString())
      assert.equal(Number(answer.json.expires_on), (clock.now() - 3_600_000) / 1_000 + 86_399)
      const entra = await send(`${emulator.entraUrl}/${TENANT}/discovery/v2.0/keys`, { ca: emulator.caPem })
      assert.equal(entra.headers['date'], new Date(clock.now()).toUTCString())
    },
    { clock },
  )
})

test('federated credentials are unknown for a while after they were written, then now and then', async () => {
  const clock = new FakeClock()
  await withEmulator(
    async (emulator) => {
      const { createLagProbe } = await import('./emulator-azure-lag.ts')
      const probe = await createLagProbe(emulator, clock)
      assert.equal(await probe(), 70_021)
      await clock.advance(10_000)
      const seen = new Set<unknown>()
      for (let turn = 0; turn < 40; turn += 1) seen.add(await probe())
      assert.deepEqual(seen, new Set([200, 70_021]))
      await clock.advance(10_000)
      for (let turn = 0; turn < 5; turn += 1) assert.equal(await probe(), 200)
    },
    { clock, settings: { federatedLagMs: 10_000, federatedFlapMs: 10_000 } },
  )
})

test('the admin API does all that by HTTP', async () => {
  await withEmulator(
    async (emulator) => {
      const admin = async (method: string, path: string, body?: unknown) =>
        send(`${emulator.adminUrl ?? ''}${path}`, {
          method,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
      assert.match((await admin('GET', '/')).text, /POST \/faults/)
      const { json } = await admin('POST', '/faults', {
        service: 'imds',
        effect: { kind: 'error', status: 500 },
      })
      assert.equal((await ask(emulator)).status, 500)
      assert.match((await admin('GET', '/faults')).text, /"done": 1/)
      await admin('DELETE', `/faults/${json.id}`)
      assert.equal((await ask(emulator)).status, 200)
      assert.match((await admin('GET', '/counters')).text, /"imds.token": 2/)
      assert.equal((await admin('POST', '/faults', { effect: { kind: 'nonsense' } })).status, 400)
      assert.equal((await admin('PATCH', '/settings', { imdsLagMs: -1 })).status, 400)
      assert.equal((await admin('PATCH', '/settings', { imdsLagMs: 7 })).json['imdsLagMs'], 7)
      const recreated = await admin('POST', '/control', {
        action: 'recreateIdentity',
        identity: identityId('shop'),
      })
      assert.match(String(recreated.json['clientId']), /^[0-9a-f-]{36}$/)
      assert.equal((await admin('POST', '/control', { action: 'deleteCompute', id: '/none' })).status, 400)
      await admin('POST', '/seed', { identities: [{ id: identityId('late') }] })
      assert.match((await admin('GET', '/state')).text, /late/)
      await admin('DELETE', '/journal')
      assert.equal((await admin('GET', '/counters')).text.trim(), '{}')
    },
    { adminPort: 0 },
  )
})

test('equal seeds and equal calls give equal dumps, whatever the ports and keys', async () => {
  const dumps: string[] = []
  for (const _ of ['one', 'two']) {
    await withEmulator(async (emulator) => {
      await ask(emulator)
      emulator.control.recreateIdentity(identityId('other'))
      dumps.push(JSON.stringify(emulator.dump()))
    })
  }
  assert.equal(dumps[0], dumps[1])
  assert.doesNotMatch(dumps[0] ?? '', new RegExp(SECRET))
})

test('nothing of a secret, a token or an Authorization header is in the journal', async () => {
  await withEmulator(async (emulator) => {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: CLIENT,
      client_secret: SECRET,
    })
    form.set('scope', 'https://management.azure.com/.default')
    const login = await send(`${emulator.entraUrl}/${TENANT}/oauth2/v2.0/token`, {
      method: 'POST',
      ca: emulator.caPem,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    })
    const token = login.json.access_token
    await send(`${emulator.armUrl}${POOL}?api-version=2024-07-01`, {
      ca: emulator.caPem,
      headers: { authorization: `Bearer ${token}` },
    })
    const text = JSON.stringify(emulator.journal.requests)
    assert.doesNotMatch(text, new RegExp(`${token.slice(-20)}|${SECRET}|correct`))
  })
})

test('a wrong seed is refused by the name of its field, and nothing stays open', async () => {
  await assert.rejects(
    withEmulator(async () => {}, { seed: { ...SEED, vms: [{ id: SINGLE, identities: ['nobody'] }] } }),
    /the seed assigns 'nobody'/,
  )
  const wrong = { ...SEED, machines: [] }
  await assert.rejects(
    withEmulator(async () => {}, { seed: wrong }),
    /machines/,
  )
})

test('one port serves all HTTPS services by host name', async () => {
  await withEmulator(async (emulator) => {
    const as = (host: string, path: string) =>
      send(`${emulator.entraUrl}${path}`, { ca: emulator.caPem, headers: { host } })
    assert.equal((await as('login.microsoftonline.com', `/${TENANT}/discovery/v2.0/keys`)).status, 200)
    assert.equal((await as('management.azure.com', '/subscriptions?api-version=2022-12-01')).status, 401)
    assert.equal((await as('shopvault.vault.azure.net:443', '/secrets/price?api-version=7.4')).status, 401)
    assert.equal((await as('nobody.vault.azure.net', '/secrets/price?api-version=7.4')).status, 404)
    assert.deepEqual(Object.keys(emulator.journal.counters), [
      'arm.subscriptions',
      'entra.keys',
      'vault.secret.get',
    ])
  })
})

test('a body beyond the limit of its service is refused and the connection closed', async () => {
  await withEmulator(async (emulator) => {
    const answer = await send(`${emulator.entraUrl}/${TENANT}/oauth2/v2.0/token`, {
      method: 'POST',
      ca: emulator.caPem,
      body: 'x'.repeat(70_000),
    })
    assert.equal(answer.status, 413)
    assert.equal(answer.headers['connection'], 'close')
  })
})

test('a host name that is no service is refused, and services may have ports of their own', async () => {
  await withEmulator(
    async (emulator) => {
      assert.notEqual(emulator.entraUrl, emulator.armUrl)
      const other = await send(`${emulator.armUrl}/common/discovery/instance`, { ca: emulator.caPem })
      assert.equal(other.status, 404)
      assert.match(other.text, /This emulator has no GET/)
    },
    { armPort: 0, vaultPort: 0 },
  )
  await withEmulator(async (emulator) => {
    const lost = await send(`${emulator.entraUrl}/nothing`, { ca: emulator.caPem })
    assert.equal(lost.status, 421)
  })
})
