import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { runControl } from '../admin/control-request.ts'
import { emptyState } from './azure-state.ts'
import { createControl } from './control.ts'
import { plant, readSeed } from './seeding.ts'

function world() {
  const clock = new FakeClock({ now: Date.UTC(2026, 0, 1) })
  const state = emptyState({ id: 't', displayName: 't', domains: [] }, 'westeurope')
  const seed = {
    subscriptions: ['11111111-2222-3333-4444-555555555555'],
    vaults: [
      { name: 'Shop', secrets: { price: '1' }, access: [{ principal: 'till', secrets: ['get', 'set'] }] },
    ],
  }
  plant(state, readSeed(seed), clock)
  const vault = state.vaults.get('shop')
  assert.ok(vault !== undefined)
  return { vault, clock, control: createControl(state, clock, []) }
}

test('a secret that its owner sets has a new version, the last one', async () => {
  const { vault, clock, control } = world()
  await clock.advance(5_000)
  const version = control.setVaultSecret('shop', 'Price', '2')
  const { versions = [] } = vault.secrets.items.get('price') ?? {}
  assert.equal(versions.length, 2)
  assert.equal(versions[1]?.version, version)
  assert.equal(versions[1]?.content.value, '2')
  assert.equal((versions[1]?.created ?? 0) - (versions[0]?.created ?? 0), 5)
  control.setVaultSecret('shop', 'other', 'x')
  assert.ok(vault.secrets.items.has('other'))
  assert.throws(() => control.setVaultSecret('none', 'price', '2'), RangeError)
})

test('access of a principal is replaced or taken away, by name or over the administrators’ door', () => {
  const { vault, control } = world()
  control.setVaultAccess('shop', 'reader', { keys: ['get'] })
  control.setVaultAccess('shop', 'TILL', { secrets: ['get'] })
  const rights = () => vault.access.map(({ principal, permissions }) => [principal, permissions])
  assert.deepEqual(rights(), [
    ['reader', { secrets: [], keys: ['get'], certificates: [] }],
    ['TILL', { secrets: ['get'], keys: [], certificates: [] }],
  ])
  const body = { action: 'setVaultAccess', vault: 'shop', principal: 'till' }
  runControl(control, body as Parameters<typeof runControl>[1])
  assert.equal(vault.access.length, 1)
})
