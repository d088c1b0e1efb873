import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB_VALUE, type KeyVaultWorld, startKeyVault } from '../harness/keyvault-world.ts'
import { put } from '../harness/nmi-world.ts'
import { makeAssigned, makeBinding, makeIdentity, makePod } from '../make/objects.ts'

const TOLD = 'rpc error: code = Unknown desc = failed to mount objects, error: '
const WAIT = 'Wait; when it stays, check name, DNS, private endpoint and egress from the node to the vault'

async function shop(world: KeyVaultWorld, parameters: Readonly<Record<string, string>> = {}) {
  return { parameters: { ...(await world.workload('shop')), ...parameters } }
}

function vaultIs(world: KeyVaultWorld, status: number, more: { count?: number; retryAfter?: string } = {}) {
  const { retryAfter, ...rest } = more
  world.login.azure.faults.add({
    service: 'vault',
    ...rest,
    effect: { kind: 'error', status, ...(retryAfter === undefined ? {} : { retryAfter }) },
  })
}

test('a vault that is down fails a mount with words that stay the same; the files stay, and it mends itself', async () => {
  await using world = await startKeyVault()
  await world.mount(await shop(world))
  vaultIs(world, 503)
  world.clock.skip(26_000)
  const text = await world.refused(await shop(world))
  assert.ok(text.startsWith(`${TOLD}vault shop-vault cannot be read: `), text)
  assert.ok(text.endsWith(WAIT), text)
  assert.ok(!text.includes('127.0.0.1'), text)
  assert.equal(await world.refused(await shop(world)), text)
  assert.equal(world.file('db'), DB_VALUE)
  world.login.azure.faults.clear()
  assert.equal((await world.mount(await shop(world))).written, false)
})

test('a vault that nobody reaches is told with its name, and without an address', async () => {
  await using world = await startKeyVault()
  world.login.azure.faults.add({ service: 'vault', effect: { kind: 'reset', when: 'before' } })
  const text = await world.refused(await shop(world))
  assert.match(text, /vault shop-vault cannot be read: shop-vault\.vault\.localhost:\d+ did not answer/)
  assert.ok(!text.includes('127.0.0.1'), text)
  assert.ok(text.endsWith(WAIT), text)
})

test('a vault that fails now and then is asked again within the mount', async () => {
  await using world = await startKeyVault({ retries: 2 })
  vaultIs(world, 500, { count: 1 })
  await world.mount(await shop(world))
  assert.equal(world.asked(), 2)
})

test('the last known good fills volumes while the vault is down, with a line in the log, and not past its age', async () => {
  await using world = await startKeyVault()
  const kept = await shop(world, { lastKnownGoodMaxAge: '10m' })
  await world.mount(kept)
  world.rotate('db', 'the-second-password')
  vaultIs(world, 503)
  world.clock.skip(599_000)
  await world.mount({ ...kept, pod: 'shop-1' })
  assert.equal(world.file('db', 'shop-1'), DB_VALUE)
  assert.match(
    world.login.lines.join('\n'),
    /"pod":"default\/shop-1","vault":"shop-vault","object":"db","staleSince":"\d{4}-[^"]*","message":"the vault is down; the last known good is mounted"/,
  )
  // Who does not want it does not get it.
  assert.match(await world.refused({ ...(await shop(world)), pod: 'shop-2' }), /cannot be read/)
  world.clock.skip(2_000)
  const text = await world.refused({ ...kept, pod: 'shop-1' })
  assert.ok(text.startsWith(`${TOLD}vault shop-vault cannot be read: `), text)
  assert.equal(world.file('db', 'shop-1'), DB_VALUE)
  world.login.azure.faults.clear()
  await world.mount({ ...kept, pod: 'shop-1' })
  assert.equal(world.file('db', 'shop-1'), 'the-second-password')
})

test('a token that the vault refuses once is asked for anew, once, and the mount goes on', async () => {
  await using world = await startKeyVault()
  // One service-account token throughout: another one would be another login.
  const order = await shop(world)
  await world.mount(order)
  vaultIs(world, 401, { count: 1 })
  world.clock.skip(26_000)
  world.forget()
  await world.mount(order)
  assert.equal(world.asked(), 2)
  const { requests } = world.login.azure.journal
  assert.equal(requests.filter(({ service }) => service === 'entra').length, 1)
})

test('a token of a pod identity that the vault refuses: the node agent asks IMDS anew, whose word is final', async () => {
  await using world = await startKeyVault()
  const { stores } = world.login
  const identity = makeIdentity()
  put(stores.pods, makePod())
  put(stores.identities, identity)
  put(stores.bindings, makeBinding())
  put(stores.assigned, makeAssigned({ identity }))
  await world.mount()
  vaultIs(world, 401, { count: 1 })
  world.clock.skip(26_000)
  world.forget()
  // IMDS gives the token that it has until that is old, as Azure's does: the same one is not tried again.
  assert.match(
    await world.refused(),
    /error: vault shop-vault does not accept the token of pod identity shop \(client id .*\): .*\. Where the message says/,
  )
  const { requests } = world.login.azure.journal
  assert.deepEqual(
    requests.map(({ route }) => route),
    ['vault.secret.get', 'imds.token'],
  )
  await world.mount()
})

test('a vault of another tenant is told as such, and its token asked for once more and no more', async () => {
  await using world = await startKeyVault()
  const challenge =
    'Bearer authorization="https://login.example/00000000-1111-4222-8333-444444444444", resource="https://vault.azure.net"'
  world.login.azure.faults.add({
    service: 'vault',
    effect: { kind: 'error', status: 401, headers: { 'www-authenticate': challenge } },
  })
  const text = await world.refused(await shop(world))
  assert.match(
    text,
    /vault shop-vault does not accept the token of workload identity shop \([^)]*\): the token is of tenant 99999999-8888-7777-6666-555555555555, the vault belongs to tenant 00000000-1111-4222-8333-444444444444\. Where the message says that they differ, make tenantID and cloudName those of the vault;/,
  )
  assert.equal(world.asked(), 2)
})

test('a vault that throttles is left alone by all pods for as long as it says', async () => {
  await using world = await startKeyVault()
  vaultIs(world, 429, { count: 1, retryAfter: '30' })
  const limits = `${TOLD}vault shop-vault limits the requests of this node. Wait; when it stays, spread objects over vaults or poll less often`
  assert.equal(await world.refused(await shop(world)), limits)
  assert.equal(world.asked(), 1)
  for (const pod of ['shop-1', 'shop-2', 'shop-3'])
    assert.equal(await world.refused({ ...(await shop(world)), pod }), limits)
  // Another identity is no other node.
  assert.equal(await world.refused({ parameters: await world.workload('guest'), pod: 'guest-0' }), limits)
  assert.equal(world.asked(), 1)
  world.clock.skip(30_000)
  await world.mount(await shop(world))
  assert.equal(world.asked(), 2)
})

test('a login that Entra cannot answer is told as the login, and does not touch what is there', async () => {
  await using world = await startKeyVault()
  const order = await shop(world)
  await world.mount(order)
  world.login.azure.faults.add({ service: 'entra', effect: { kind: 'error', status: 503 } })
  world.clock.skip(26_000)
  // A token that still lives is used; another service-account token would need Entra.
  await world.mount(order)
  const other = { parameters: await world.workload('shop', { jti: 'other' }) }
  const text = await world.refused(other)
  assert.match(
    text,
    /error: workload identity with client id c0c0c0c0-[\da-f-]* in tenant [\da-f-]*: Entra .* 503/,
  )
  assert.match(text, /Wait; kubelet tries again by itself$/)
  assert.equal(world.file('db'), DB_VALUE)
})
