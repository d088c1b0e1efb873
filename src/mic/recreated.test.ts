import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeArm } from '../../test/fakes/fake-arm.ts'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { vmId } from '../../test/make/mic-world.ts'
import { clientIdOf, identityId, makeBinding, makeIdentity, makePod } from '../../test/make/objects.ts'
import type { GroupIdentities } from '../azure/arm.ts'
import { desiredAssignments } from './desired.ts'
import { createProtection } from './protection.ts'
import { recreatedIdentities } from './recreated.ts'
import { Wanted } from './wanted.ts'
import { groupFromId } from './world.ts'

const group = groupFromId(vmId('a'))
assert.ok(group !== undefined)
const idOf = (name: string): string => identityId(name).toLowerCase()

/** What is found when the AzureIdentity objects say `renewed`, the VM holds the old client ids, and Azure has `onAzure`. */
async function found(options: {
  names: readonly string[]
  onAzure: (name: string) => string | undefined
  immutable?: readonly string[]
  onVm?: string
}): Promise<{ recreated: readonly string[]; reads: number }> {
  const clock = new FakeClock()
  const arm = new FakeArm(clock)
  arm.getMs = 0
  const wanted = new Wanted()
  const observed = new Map<string, { clientId: string; principalId: string }>()
  for (const name of options.names) {
    const match = {
      identity: makeIdentity({ name, clientId: clientIdOf('renewed') }),
      binding: makeBinding(),
    }
    const placement = { group, providerId: '' }
    wanted.set(
      `default/${name}`,
      desiredAssignments(makePod({ name }), [match], placement, { forceNamespaced: false }),
    )
    observed.set(idOf(name), { clientId: options.onVm ?? clientIdOf(name), principalId: '' })
    const actual = options.onAzure(name)
    if (actual !== undefined) arm.addIdentity(identityId(name), actual)
  }
  const look: GroupIdentities = { systemAssigned: false, provisioningState: '', identities: observed }
  const login = (): ReturnType<FakeArm['login']> => arm.login()
  const protection = createProtection({
    immutable: options.immutable ?? [],
    clusterIdentity: () => '',
    login,
  })
  const { signal } = new AbortController()
  assert.ok(group !== undefined)
  const finding = recreatedIdentities({ tools: { arm, signal }, wanted, protection }, group, look)
  await clock.advance(1_000)
  return { recreated: await finding, reads: arm.count('identity') }
}

test('an identity that Azure has under another client id than the VM was made again', async () => {
  const { recreated } = await found({ names: ['a'], onAzure: () => clientIdOf('renewed') })
  assert.deepEqual(recreated, [idOf('a')])
})

test('a client id that is wrong in the AzureIdentity alone proves nothing', async () => {
  const { recreated } = await found({ names: ['a'], onAzure: (name) => clientIdOf(name).toUpperCase() })
  assert.deepEqual(recreated, [])
})

test('an identity that cannot be read, or is read without a client id, is not taken off', async () => {
  assert.deepEqual((await found({ names: ['a'], onAzure: () => undefined })).recreated, [])
  assert.deepEqual((await found({ names: ['a'], onAzure: () => '' })).recreated, [])
})

test('a protected identity is never taken off, and one whose client id the VM does not tell is not asked about', async () => {
  const immutable = [clientIdOf('a')]
  const renewed = (): string => clientIdOf('renewed')
  assert.deepEqual((await found({ names: ['a'], onAzure: renewed, immutable })).recreated, [])
  assert.deepEqual(await found({ names: ['a'], onAzure: renewed, onVm: '' }), { recreated: [], reads: 0 })
})

test('many wrong client ids lead to few reads', async () => {
  const names = Array.from({ length: 40 }, (_, n) => `n${n}`)
  assert.equal((await found({ names, onAzure: clientIdOf })).reads, 10)
})
