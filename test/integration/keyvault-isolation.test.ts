import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB_VALUE, type KeyVaultWorld, startKeyVault } from '../harness/keyvault-world.ts'
import { ISSUER } from '../harness/login-world.ts'
import { clientIdOf, identityId } from '../make/objects.ts'

const KEPT = { lastKnownGoodMaxAge: '1h' }

async function asShop(world: KeyVaultWorld) {
  return { pod: 'shop-0', parameters: { ...(await world.workload('shop')), ...KEPT } }
}

/** The same class but for the client id, and a pod of another service account. */
async function asGuest(world: KeyVaultWorld, pod = 'guest-0') {
  return { pod, parameters: { ...(await world.workload('guest')), ...KEPT } }
}

function hasNothing(world: KeyVaultWorld, pod = 'guest-0'): void {
  assert.throws(() => world.file('db', pod), /ENOENT/)
}

const FORBIDDEN = new RegExp(
  `does not let the identity of pod default/guest-\\d, workload identity guest \\(client id ${clientIdOf('guest')}, object id [\\da-f-]{36}\\), service account default/guest, read it \\(ForbiddenByPolicy\\)\\. Run: az keyvault set-policy --name shop-vault --object-id [\\da-f-]{36} --secret-permissions get\\. Give it the role`,
)

test('what one identity has read is not shown to another right afterwards', async () => {
  await using world = await startKeyVault()
  for (let look = 0; look < 3; look += 1) {
    await world.mount(await asShop(world))
    assert.match(await world.refused(await asGuest(world)), FORBIDDEN)
  }
  hasNothing(world)
})

test('many of two identities at once, again and again: each one gets its own answer', async () => {
  await using world = await startKeyVault()
  world.login.azure.faults.add({
    service: 'vault',
    effect: { kind: 'latency', latency: { kind: 'uniform', fromMs: 0, toMs: 15 } },
  })
  for (let round = 0; round < 4; round += 1) {
    const mounts: Promise<unknown>[] = []
    for (let pod = 0; pod < 8; pod += 1) {
      const parameters = (await asShop(world)).parameters
      mounts.push(world.mount({ pod: `shop-${pod}`, parameters }))
      mounts.push(
        world.refused(await asGuest(world, `guest-${pod}`)).then((text) => assert.match(text, FORBIDDEN)),
      )
    }
    await Promise.all(mounts)
    world.clock.skip(13_000)
  }
  for (let pod = 0; pod < 8; pod += 1) {
    assert.equal(world.file('db', `shop-${pod}`), DB_VALUE)
    hasNothing(world, `guest-${pod}`)
  }
})

test('a pod that takes over the folder of another one, under another identity, is asked for anew', async () => {
  await using world = await startKeyVault()
  await world.mount(await asShop(world))
  world.forget()
  const guest = await asGuest(world)
  assert.match(await world.refused({ ...guest, pod: 'shop-0' }), /workload identity guest .* read it/)
  assert.equal(world.asked(), 1)
})

test('a vault that is down gives the last known good to who read it, and to nobody else', async () => {
  await using world = await startKeyVault()
  await world.mount(await asShop(world))
  const { faults } = world.login.azure
  for (const effect of [
    { kind: 'error', status: 503 },
    { kind: 'reset', when: 'before' },
    { kind: 'error', status: 429, retryAfter: '1' },
  ] as const) {
    faults.clear()
    faults.add({ service: 'vault', effect })
    await world.mount({ ...(await asShop(world)), pod: 'shop-1' })
    assert.equal(world.file('db', 'shop-1'), DB_VALUE)
    assert.match(await world.refused(await asGuest(world)), /vault shop-vault (cannot be read|limits)/)
    hasNothing(world)
    world.clock.skip(61_000)
  }
})

test('who loses the right is refused at the next look, and has no last known good afterwards', async () => {
  await using world = await startKeyVault()
  await world.mount(await asShop(world))
  world.vault.access.length = 0
  world.clock.skip(26_000)
  const shop = await asShop(world)
  assert.match(await world.refused(shop), /vault shop-vault does not let .* workload identity shop /)
  world.login.azure.faults.add({ service: 'vault', effect: { kind: 'error', status: 503 } })
  assert.match(await world.refused(shop), /vault shop-vault cannot be read: /)
  // Files that are there stay, as the driver has it.
  assert.equal(world.file('db', 'shop-0'), DB_VALUE)
})

test('an identity that was made anew under the same name is another reader', async () => {
  await using world = await startKeyVault()
  await world.mount(await asShop(world))
  const { azure } = world.login
  azure.control.recreateIdentity(identityId('shop'))
  azure.plant({
    identities: [
      {
        id: identityId('shop'),
        clientId: clientIdOf('shop'),
        principalId: 'd0d0d0d0-0000-4000-8000-000000000099',
        federatedCredentials: [
          {
            name: 'shop',
            issuer: ISSUER,
            subject: 'system:serviceaccount:default:shop',
            audiences: ['api://AzureADTokenExchange'],
          },
        ],
      },
    ],
  })
  world.vault.access.length = 0
  // Another service-account token, so another token of Entra.
  const parameters = { ...(await world.workload('shop', { jti: 'new' })), ...KEPT }
  world.login.azure.faults.add({ service: 'vault', count: 1, effect: { kind: 'error', status: 503 } })
  assert.match(await world.refused({ parameters }), /vault shop-vault cannot be read/)
  assert.match(await world.refused({ parameters }), /object id d0d0d0d0-0000-4000-8000-000000000099/)
})

test('a token that names the claims of another identity opens nothing that was kept for it', async () => {
  await using world = await startKeyVault()
  await world.mount(await asShop(world))
  // The client id of the other one in the class of the guest, with his own service account.
  const guest = await world.workload('guest')
  const text = await world.refused({
    pod: 'guest-0',
    parameters: { ...guest, ...KEPT, clientID: clientIdOf('shop') },
  })
  assert.match(
    text,
    /AADSTS700213: .*must have issuer https:\/\/issuer\.example\/cluster, subject system:serviceaccount:default:guest/,
  )
  hasNothing(world)
})
