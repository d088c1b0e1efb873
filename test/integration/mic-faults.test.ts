import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ArmError } from '../../src/azure/arm.ts'
import type { TermDeps } from '../../src/mic/term.ts'
import { objectKey } from '../../src/model/names.ts'
import { armError } from '../fakes/fake-arm.ts'
import { type MicWorld, makeMicWorld, makeNode, vmId, vmssId, vmssNode } from '../make/mic-world.ts'
import { clientIdOf, identityId, makeAssigned, makeBinding, makeIdentity, makePod } from '../make/objects.ts'

const MINUTE = 60_000
const id = (name: string): string => identityId(name).toLowerCase()
const pod = (name: string, selector = name, nodeName = 'pool-0') => makePod({ name, selector, nodeName })

function poolWorld(names: readonly string[], options: Parameters<typeof makeMicWorld>[0] = {}): MicWorld {
  const world = makeMicWorld(options)
  world.arm.addGroup(vmssId('pool'))
  world.cluster.put('nodes', vmssNode('pool', 0))
  for (const name of names) world.addIdentity(name)
  return world
}

/** Counts how often a MIC turned to a group, with or without asking ARM. */
function countedTurns(): { readonly turns: () => number; readonly wrap: (deps: TermDeps) => TermDeps } {
  let turns = 0
  return {
    turns: () => turns,
    wrap: (deps) => ({
      ...deps,
      metrics: {
        ...deps.metrics,
        cycleDone(ms) {
          turns += 1
          deps.metrics.cycleDone(ms)
        },
      },
    }),
  }
}

const statesOf = ({ cluster }: MicWorld): Record<string, string> =>
  Object.fromEntries(cluster.all('assigned').map((object) => [object.pod, object.state]))

test('an identity that podid may not assign is set apart, named with the command that mends it, and the rest goes through', async () => {
  const world = poolWorld(['a', 'bad', 'c'])
  world.arm.permit(identityId('bad'), false)
  const mic = world.startMic()
  for (const name of ['a', 'bad', 'c']) world.cluster.put('pods', pod(name))
  await world.clock.advance(5_000)
  assert.deepEqual(statesOf(world), { a: 'Assigned', bad: 'Created', c: 'Assigned' })
  const object = world.cluster.assigned('bad-default-bad')
  assert.equal(object?.reason, 'assignment-failed')
  assert.equal(
    object?.message,
    `identity ${id('bad')} cannot be assigned to scale set pool: podid's principal may not assign it. ` +
      `Grant it: az role assignment create --role "Managed Identity Operator" --assignee ${world.arm.loginAs.objectId} --scope ${id('bad')}`,
  )
  const told = world.cluster.events
    .filter((event) => event.type === 'Warning')
    .map((event) => `${event.target} ${event.reason}`)
  assert.deepEqual(told, [
    'AzureIdentityBinding default/bad-binding binding apply error',
    'Pod default/bad AssignmentFailed',
  ])
  assert.equal(world.arm.count('patch'), 2)
  await mic.kill()
})

test('a set-apart identity is tried again with growing pauses, tells the same thing once, and works when mended', async () => {
  const world = poolWorld(['bad'])
  world.arm.permit(identityId('bad'), false)
  const mic = world.startMic()
  world.cluster.put('pods', pod('bad'))
  await world.clock.advance(60 * MINUTE)
  const tries = world.arm.count('patch')
  assert.ok(tries >= 6 && tries <= 20, `${tries} tries in an hour`)
  assert.equal(world.cluster.writes.filter((name) => name.startsWith('status')).length, 1)
  assert.equal(world.cluster.events.filter((event) => event.type === 'Warning').length, 2)
  world.arm.permit(identityId('bad'), true)
  await world.clock.advance(11 * MINUTE)
  assert.deepEqual(statesOf(world), { bad: 'Assigned' })
  assert.equal(world.cluster.assigned('bad-default-bad')?.message, '')
  await mic.kill()
})

test('an identity that was set apart and then put there by hand is assigned, and its group rests', async () => {
  const { turns, wrap } = countedTurns()
  const world = poolWorld(['bad'], { wrap })
  world.arm.permit(identityId('bad'), false)
  const mic = world.startMic()
  world.cluster.put('pods', pod('bad'))
  await world.clock.advance(5_000)
  const group = world.arm.groups.get(vmssId('pool'))
  group?.identities.set(id('bad'), { clientId: clientIdOf('bad'), principalId: 'p' })
  await world.clock.advance(30 * MINUTE)
  assert.deepEqual(statesOf(world), { bad: 'Assigned' })
  const before = turns()
  await world.clock.advance(30 * MINUTE)
  assert.ok(turns() - before <= 30, `${turns() - before} turns in half an hour`)
  await mic.kill()
})

test('an identity whose removal was refused and that is wanted again is no trouble any more', async () => {
  const { turns, wrap } = countedTurns()
  const world = poolWorld(['shop'], { wrap })
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(5_000)
  world.arm.beforeCall = ({ patch }) => {
    if (patch?.remove.includes(id('shop')) === true) throw armError('rejected', 400, 'Refused', 'no')
  }
  world.cluster.remove('pods', objectKey('default', 'shop'))
  await world.clock.advance(5_000)
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(30 * MINUTE)
  assert.deepEqual(statesOf(world), { shop: 'Assigned' })
  const before = turns()
  await world.clock.advance(30 * MINUTE)
  assert.ok(turns() - before <= 30, `${turns() - before} turns in half an hour`)
  await mic.kill()
})

test('a change of the AzureIdentity ends the pause of a set-apart identity at once', async () => {
  const world = poolWorld(['bad'])
  world.arm.permit(identityId('bad'), false)
  const mic = world.startMic()
  world.cluster.put('pods', pod('bad'))
  await world.clock.advance(30 * MINUTE)
  world.arm.permit(identityId('bad'), true)
  world.cluster.put('identities', makeIdentity({ name: 'bad' }))
  await world.clock.advance(3_000)
  assert.deepEqual(statesOf(world), { bad: 'Assigned' })
  await mic.kill()
})

test('an identity that does not exist is told from one that may not be assigned', async () => {
  const world = poolWorld(['gone'])
  world.arm.deleteIdentity(identityId('gone'))
  const mic = world.startMic()
  world.cluster.put('pods', pod('gone'))
  await world.clock.advance(3_000)
  assert.match(
    world.cluster.assigned('gone-default-gone')?.message ?? '',
    /it does not exist on Azure\. Create it: az identity create --name gone --resource-group shop/,
  )
  await mic.kill()
})

test('twelve bad ones among forty, named one by one: the good ones are all assigned', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `i${i}`)
  const world = poolWorld(names)
  for (let i = 0; i < 12; i += 1) world.arm.permit(identityId(`i${i * 3}`), false)
  const mic = world.startMic()
  for (const name of names) world.cluster.put('pods', pod(name))
  await world.clock.advance(MINUTE)
  const states = Object.values(statesOf(world))
  assert.equal(states.filter((state) => state === 'Assigned').length, 28)
  await mic.kill()
})

test('a request that ARM refuses without naming anybody is halved until the culprit is alone', async () => {
  const world = poolWorld(['a', 'b', 'c', 'd', 'e'])
  world.arm.beforeCall = ({ patch }) => {
    if (patch?.add.includes(id('d')) === true) {
      throw armError('rejected', 400, 'FailedIdentityOperation', 'something about an identity')
    }
  }
  const mic = world.startMic()
  for (const name of ['a', 'b', 'c', 'd', 'e']) world.cluster.put('pods', pod(name))
  await world.clock.advance(MINUTE)
  const apart = Object.entries(statesOf(world)).filter(([, state]) => state !== 'Assigned')
  assert.deepEqual(apart, [['d', 'Created']])
  await mic.kill()
})

test('a dead identity that is on the scale set already is taken off so that others can be added, whoever put it there', async () => {
  const world = poolWorld(['shop'])
  world.arm.groups.get(vmssId('pool'))?.identities.set(id('dead'), { clientId: 'x', principalId: 'y' })
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(5_000)
  assert.deepEqual(statesOf(world), { shop: 'Assigned' })
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [id('shop')])
  await mic.kill()
})

test("a dead identity is recognised by ARM's own words when podid may not read identities", async () => {
  const world = poolWorld(['shop'])
  world.arm.mayReadIdentities = false
  world.arm.groups.get(vmssId('pool'))?.identities.set(id('dead'), { clientId: 'x', principalId: 'y' })
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(5_000)
  assert.deepEqual(statesOf(world), { shop: 'Assigned' })
  await mic.kill()
})

test('an assigned identity that is deleted on Azure does not keep a new one from being assigned', async () => {
  const world = poolWorld(['old', 'new'])
  const mic = world.startMic()
  world.cluster.put('pods', pod('old'))
  await world.clock.advance(3_000)
  world.arm.deleteIdentity(identityId('old'))
  world.cluster.put('pods', pod('new'))
  await world.clock.advance(6_000)
  assert.deepEqual(statesOf(world), { old: 'Created', new: 'Assigned' })
  assert.match(world.cluster.assigned('old-default-old')?.message ?? '', /does not exist on Azure/)
  await mic.kill()
})

test('an identity that was made again under its name is taken off and put on again, in two requests', async () => {
  const world = poolWorld(['shop'])
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(3_000)
  world.arm.deleteIdentity(identityId('shop'))
  world.arm.addIdentity(identityId('shop'), clientIdOf('again'))
  world.cluster.put('identities', makeIdentity({ name: 'shop', clientId: clientIdOf('again') }))
  await world.clock.advance(4 * MINUTE)
  assert.equal(
    world.arm.groups.get(vmssId('pool'))?.identities.get(id('shop'))?.clientId,
    clientIdOf('again'),
  )
  assert.deepEqual(
    world.arm.patches().map(({ add, remove }) => [add.length, remove.length]),
    [
      [1, 0],
      [0, 1],
      [1, 0],
    ],
  )
  assert.deepEqual(statesOf(world), { shop: 'Assigned' })
  await mic.kill()
})

test('a recreated identity of somebody else is healed and stays when the last pod goes', async () => {
  const world = poolWorld(['theirs'])
  world.arm.groups
    .get(vmssId('pool'))
    ?.identities.set(id('theirs'), { clientId: clientIdOf('before'), principalId: 'p' })
  const mic = world.startMic()
  world.cluster.put('pods', pod('theirs'))
  await world.clock.advance(5_000)
  assert.equal(
    world.arm.groups.get(vmssId('pool'))?.identities.get(id('theirs'))?.clientId,
    clientIdOf('theirs'),
  )
  world.cluster.remove('pods', 'default/theirs')
  await world.clock.advance(10 * MINUTE)
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [id('theirs')])
  assert.equal(world.cluster.ownership.size, 0)
  await mic.kill()
})

test('a wrong client id in an AzureIdentity does not make podid take anything off', async () => {
  const world = poolWorld(['shop'])
  world.cluster.put('identities', makeIdentity({ name: 'shop', clientId: clientIdOf('typo') }))
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(30 * MINUTE)
  assert.equal(world.arm.count('patch'), 1)
  await mic.kill()
})

test('429 with Retry-After is obeyed: no call about the group before that time', async () => {
  const world = poolWorld(['shop'])
  const asked: number[] = []
  let throttled = true
  world.arm.beforeCall = () => {
    asked.push(world.clock.monotonic())
    if (!throttled) return
    throttled = false
    throw new ArmError('throttled', 'slow down', {
      status: 429,
      code: 'TooManyRequests',
      retryAfterMs: 90_000,
    })
  }
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(5 * MINUTE)
  assert.ok((asked[1] ?? 0) - (asked[0] ?? 0) >= 90_000)
  assert.deepEqual(statesOf(world), { shop: 'Assigned' })
  await mic.kill()
})

test('429 without Retry-After backs off by itself, and the status says why nothing happens', async () => {
  const world = poolWorld(['shop'])
  world.arm.beforeCall = () => {
    throw armError('throttled', 429, 'OperationNotAllowed', 'too many requests')
  }
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(30 * MINUTE)
  assert.ok(world.arm.calls.length < 40, `${world.arm.calls.length} calls`)
  assert.match(world.cluster.assigned('shop-default-shop')?.message ?? '', /Azure limits the rate of calls/)
  assert.equal(world.cluster.writes.filter((name) => name.startsWith('status')).length, 1)
  await mic.kill()
})

test('a GET that shows the state before the last PATCH leads to no second PATCH and to no leak', async () => {
  const world = poolWorld(['shop', 'other'])
  world.arm.readLagMs = 20_000
  const mic = world.startMic()
  world.cluster.put('pods', pod('first', 'shop'))
  await world.clock.advance(2_000)
  world.cluster.put('pods', pod('second', 'other'))
  await world.clock.advance(3_000)
  assert.deepEqual(statesOf(world), { first: 'Assigned', second: 'Assigned' })
  world.cluster.remove('pods', 'default/second')
  await world.clock.advance(3_000)
  world.cluster.remove('pods', 'default/first')
  await world.clock.advance(10 * MINUTE)
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [])
  assert.equal(world.cluster.ownership.size, 0)
  assert.equal(world.arm.count('patch'), 4)
  await mic.kill()
})

test('409 is answered by a fresh look and another try', async () => {
  const world = poolWorld(['shop'])
  let conflicts = 1
  world.arm.beforeCall = ({ kind }) => {
    if (kind === 'patch' && conflicts-- > 0)
      throw armError('conflict', 409, 'OperationPreempted', 'preempted')
  }
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(5_000)
  assert.deepEqual(statesOf(world), { shop: 'Assigned' })
  assert.deepEqual(
    world.arm.calls.map((call) => call.kind),
    ['get', 'patch', 'get', 'patch'],
  )
  await mic.kill()
})

test('an answer that never came leaves the truth to the next look', async () => {
  const world = poolWorld(['shop'])
  let lost = 1
  world.arm.afterCall = ({ kind }) => {
    if (kind === 'patch' && lost-- > 0) throw armError('unavailable', 0, '', 'socket hang up')
  }
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(MINUTE)
  assert.deepEqual(statesOf(world), { shop: 'Assigned' })
  assert.equal(world.arm.count('patch'), 1)
  await mic.kill()
})

test('a principal without rights on the scale set is told with the role that is missing', async () => {
  const world = poolWorld(['shop'])
  world.arm.beforeCall = () => {
    throw armError(
      'denied',
      403,
      'AuthorizationFailed',
      "The client 'x' with object id '99999999-0000-4000-8000-000000000009' does not have",
    )
  }
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(5_000)
  assert.match(
    world.cluster.assigned('shop-default-shop')?.message ?? '',
    /az role assignment create --role "Virtual Machine Contributor" --assignee 99999999-0000-4000-8000-000000000009 --scope \/subscriptions/,
  )
  await mic.kill()
})

test('trouble with one scale set does not delay another', async () => {
  const world = poolWorld(['shop'])
  world.arm.addGroup(vmssId('fine'))
  world.cluster.put('nodes', vmssNode('fine', 0))
  world.arm.beforeCall = ({ target }) => {
    if (target === vmssId('pool')) throw armError('unavailable', 500, 'InternalServerError', 'oops')
  }
  const mic = world.startMic()
  world.cluster.put('pods', pod('ill', 'shop'))
  world.cluster.put('pods', pod('well', 'shop', 'fine-0'))
  await world.clock.advance(3_000)
  assert.deepEqual(statesOf(world), { ill: 'Created', well: 'Assigned' })
  await mic.kill()
})

test('a failed removal keeps the object, says so once, and ends when Azure allows it', async () => {
  const world = poolWorld(['shop'])
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(3_000)
  let broken = true
  world.arm.beforeCall = ({ kind }) => {
    if (kind === 'patch' && broken) throw armError('unavailable', 503, 'ServiceUnavailable', 'later')
  }
  world.cluster.remove('pods', 'default/shop')
  await world.clock.advance(20 * MINUTE)
  assert.equal(world.cluster.assigned('shop-default-shop')?.deleting, true)
  assert.equal(world.cluster.events.filter((event) => event.reason === 'binding remove error').length, 1)
  broken = false
  await world.clock.advance(5 * MINUTE)
  assert.equal(world.cluster.all('assigned').length, 0)
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [])
  await mic.kill()
})

test('an identity that is wanted again while it is being taken off comes back, and nobody is Assigned in between', async () => {
  const world = poolWorld(['shop'])
  const mic = world.startMic()
  world.cluster.put('pods', pod('first', 'shop'))
  await world.clock.advance(3_000)
  world.arm.patchMs = 30_000
  world.cluster.remove('pods', 'default/first')
  await world.clock.advance(5_000)
  world.cluster.put('pods', pod('second', 'shop'))
  await world.clock.advance(1_000)
  assert.equal(world.cluster.assigned('second-default-shop')?.state, 'Created')
  await world.clock.advance(MINUTE)
  assert.equal(world.cluster.assigned('second-default-shop')?.state, 'Assigned')
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [id('shop')])
  await mic.kill()
})

test('objects of AAD Pod Identity stay Assigned without an ARM write, and their identities are not taken off', async () => {
  const world = poolWorld(['shop'])
  world.arm.groups
    .get(vmssId('pool'))
    ?.identities.set(id('shop'), { clientId: clientIdOf('shop'), principalId: 'p' })
  world.cluster.put('pods', pod('old', 'shop'))
  world.cluster.put(
    'assigned',
    makeAssigned({ pod: 'old', nodeName: 'pool-0', binding: makeBinding({ name: 'shop-binding' }) }),
  )
  const mic = world.startMic()
  await world.clock.advance(10 * MINUTE)
  assert.deepEqual(world.cluster.writes, [])
  world.cluster.remove('pods', 'default/old')
  await world.clock.advance(10 * MINUTE)
  assert.equal(world.cluster.all('assigned').length, 0)
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [id('shop')])
  assert.equal(world.arm.count('patch'), 0)
  await mic.kill()
})

test('with adoption, identities of objects that AAD Pod Identity wrote leave with their last pod', async () => {
  const world = poolWorld(['shop'], { config: { adoptExisting: true } })
  world.arm.groups
    .get(vmssId('pool'))
    ?.identities.set(id('shop'), { clientId: clientIdOf('shop'), principalId: 'p' })
  world.cluster.put('assigned', makeAssigned({ pod: 'old', nodeName: 'pool-0' }))
  const mic = world.startMic()
  await world.clock.advance(5_000)
  assert.equal(world.cluster.all('assigned').length, 0)
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [])
  await mic.kill()
})

test('after a start with Azure out of reach, what was Assigned stays so and serves new pods', async () => {
  const world = poolWorld(['shop'])
  const first = world.startMic()
  world.cluster.put('pods', pod('a', 'shop'))
  await world.clock.advance(3_000)
  await first.kill()
  world.arm.beforeCall = () => {
    throw armError('unavailable', 0, '', 'no route')
  }
  const second = world.startMic()
  world.cluster.put('pods', pod('b', 'shop'))
  await world.clock.advance(10 * MINUTE)
  assert.deepEqual(statesOf(world), { a: 'Assigned', b: 'Assigned' })
  await second.kill()
})

test('two MICs of which one lost the ownership record race: the loser reads it again and goes on', async () => {
  const world = poolWorld(['shop', 'other'])
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(3_000)
  const record = world.cluster.ownership.get(vmssId('pool'))
  assert.ok(record !== undefined)
  // Somebody else writes the record behind the leader's back.
  await world.cluster.ownershipRecords().save({ ...record }, new AbortController().signal)
  world.cluster.put('pods', pod('other'))
  await world.clock.advance(MINUTE)
  assert.deepEqual(statesOf(world), { shop: 'Assigned', other: 'Assigned' })
  await mic.kill()
})

test('a broken chain is told on the pod, once, with the near match, and not while a chart is still being applied', async () => {
  const world = poolWorld(['shop'])
  const mic = world.startMic()
  world.cluster.put('pods', pod('typo', 'shp'))
  world.cluster.put('pods', pod('early', 'late'))
  await world.clock.advance(1_000)
  world.addIdentity('late')
  await world.clock.advance(10 * MINUTE)
  const told = world.cluster.events.filter((event) => event.type === 'Warning')
  assert.equal(told.length, 1)
  assert.equal(told[0]?.target, 'Pod default/typo')
  assert.equal(told[0]?.reason, 'NoBinding')
  assert.match(told[0]?.message ?? '', /Did you mean shop\?/)
  await mic.kill()
})

test('a host-network pod with the label, a missing and an invalid AzureIdentity are told on the pod', async () => {
  const world = poolWorld(['shop'])
  world.cluster.put('bindings', makeBinding({ name: 'm', azureIdentity: 'missing', selector: 'm' }))
  world.cluster.put('bindings', makeBinding({ name: 'i', azureIdentity: 'invalid', selector: 'i' }))
  world.cluster.put(
    'identities',
    makeIdentity({ name: 'invalid', resourceId: '/nonsense', problems: ['resourceID is nonsense'] }),
  )
  const mic = world.startMic()
  world.cluster.put('pods', { ...pod('host', 'shop'), hostNetwork: true })
  world.cluster.put('pods', pod('missing', 'm'))
  world.cluster.put('pods', pod('invalid', 'i'))
  await world.clock.advance(MINUTE)
  const told = world.cluster.events
    .filter((event) => event.type === 'Warning')
    .map((event) => `${event.target} ${event.reason}`)
  assert.deepEqual(told.sort(), [
    'Pod default/host PodUnknown',
    'Pod default/invalid IdentityInvalid',
    'Pod default/missing IdentityMissing',
  ])
  await mic.kill()
})

test('when leadership is lost in the middle of an operation, nothing more is written', async () => {
  const world = poolWorld(['shop'])
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(500)
  const writes = world.cluster.writes.length
  const calls = world.arm.calls.length
  await mic.kill()
  await world.clock.advance(10 * MINUTE)
  assert.equal(world.cluster.writes.length, writes)
  assert.equal(world.arm.calls.length, calls)
  assert.equal(world.clock.timers, 0)
})

test('a failing API server delays only what it fails, and all is well when it is back', async () => {
  const world = poolWorld(['a', 'b'])
  let down = true
  world.cluster.beforeWrite = (name) => {
    if (down && name.includes('a-default-a')) throw new Error('503')
  }
  const mic = world.startMic()
  world.cluster.put('pods', pod('a'))
  world.cluster.put('pods', pod('b'))
  await world.clock.advance(10_000)
  assert.deepEqual(statesOf(world), { b: 'Assigned' })
  down = false
  await world.clock.advance(2 * MINUTE)
  assert.deepEqual(statesOf(world), { a: 'Assigned', b: 'Assigned' })
  await mic.kill()
})

test('a VM in state Deleting gets no request, and its objects end with it', async () => {
  const world = makeMicWorld()
  world.addIdentity('shop')
  const vm = world.arm.addGroup(vmId('vm-1'))
  vm.provisioningState = 'Deleting'
  world.cluster.put('nodes', makeNode('vm-1', `azure://${vmId('vm-1')}`))
  const mic = world.startMic()
  world.cluster.put('pods', pod('p', 'shop', 'vm-1'))
  await world.clock.advance(5_000)
  assert.equal(world.arm.count('patch'), 0)
  assert.equal(
    world.cluster.assigned(objectKey('default', 'p-default-shop').split('/')[1] ?? '')?.state,
    'Created',
  )
  world.cluster.remove('nodes', 'vm-1')
  await world.clock.advance(1_000)
  assert.equal(world.cluster.all('assigned').length, 0)
  await mic.kill()
})

test('one 404 for a scale set that is in use takes nothing from its pods, and ownership is not forgotten', async () => {
  const world = poolWorld(['shop'])
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(5_000)
  let missing = 1
  world.arm.beforeCall = ({ kind }) => {
    if (kind === 'get' && missing-- > 0) throw armError('missing', 404, 'ResourceNotFound', 'not found')
  }
  const writes = world.cluster.writes.length
  await world.clock.advance(10 * MINUTE)
  assert.ok(missing < 0)
  assert.equal(world.cluster.writes.length, writes)
  world.cluster.remove('pods', objectKey('default', 'shop'))
  await world.clock.advance(MINUTE)
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [])
  await mic.kill()
})

test('a scale set that is missing for more than a minute is told to its pods', async () => {
  const world = poolWorld(['shop'])
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(5_000)
  world.arm.beforeCall = () => {
    throw armError('missing', 404, 'ResourceNotFound', 'not found')
  }
  await world.clock.advance(10 * MINUTE)
  assert.match(world.cluster.assigned('shop-default-shop')?.message ?? '', /scale set pool .*does not exist/)
  await mic.kill()
})
