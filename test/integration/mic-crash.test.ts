import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MicWorld, makeMicWorld, vmssId, vmssNode } from '../make/mic-world.ts'
import { clientIdOf, identityId, makeIdentity, makePod } from '../make/objects.ts'

const pod = (name: string, selector = name, nodeName = 'pool-0') => makePod({ name, selector, nodeName })

/** What happens in the cluster and on Azure, whether or not a MIC runs: pods, bindings, a dead, a forbidden and a recreated identity. */
const STORY: readonly (readonly [atMs: number, happen: (world: MicWorld) => void])[] = [
  [
    0,
    ({ cluster }) => {
      for (const name of ['a', 'bad', 'again', 'theirs']) cluster.put('pods', pod(name))
      cluster.put('pods', pod('second', 'a', 'pool-1'))
    },
  ],
  [
    4_000,
    ({ cluster }) => {
      cluster.remove('pods', 'default/a')
      cluster.put('pods', pod('d'))
      cluster.put('pods', { ...pod('second', 'a', 'pool-1'), phase: 'Succeeded' })
    },
  ],
  [
    9_000,
    ({ arm, cluster }) => {
      arm.deleteIdentity(identityId('again'))
      arm.addIdentity(identityId('again'), clientIdOf('renewed'))
      cluster.put('identities', makeIdentity({ name: 'again', clientId: clientIdOf('renewed') }))
      cluster.remove('pods', 'default/theirs')
    },
  ],
  [
    14_000,
    ({ arm, cluster }) => {
      arm.deleteIdentity(identityId('d'))
      cluster.remove('bindings', 'default/bad-binding')
      cluster.put('pods', pod('e'))
      cluster.put('pods', pod('late', 'a'))
    },
  ],
]

/** Long after the last event, so that a MIC that dies late is followed by another one. */
const STORY_MS = 60_000
const STEP_MS = 250
const QUIET_MS = 10 * 60_000

interface Outcome {
  readonly final: unknown
  /** Boundaries of calls that the whole story passes. */
  readonly boundaries: number
}

/** Plays the story; the MIC dies at the given boundary (before or after any write or ARM call) and another one starts. */
async function play(dieAt: number): Promise<Outcome> {
  const world = makeMicWorld({ config: { reconcileMs: 60_000 } })
  const { arm, clock, cluster } = world
  let passed = 0
  let isDead = false
  const boundary = (): void => {
    if (isDead) throw new Error('a dead MIC acts')
    passed += 1
    if (passed !== dieAt) return
    isDead = true
    throw new Error('killed')
  }
  arm.addGroup(vmssId('pool'))
  cluster.put('nodes', vmssNode('pool', 0))
  cluster.put('nodes', vmssNode('pool', 1))
  for (const name of ['a', 'bad', 'again', 'theirs', 'd', 'e']) world.addIdentity(name)
  arm.permit(identityId('bad'), false)
  arm.groups.set(vmssId('pool'), arm.addGroup(vmssId('pool'), [identityId('theirs')]))
  cluster.beforeWrite = boundary
  cluster.afterWrite = boundary
  arm.beforeCall = boundary
  arm.afterCall = boundary

  let mic = world.startMic()
  const story = [...STORY]
  let boundaries = 0
  for (let at = 0; at <= STORY_MS; at += STEP_MS) {
    for (const [dueMs, happen] of story) if (dueMs === at) happen(world)
    await clock.advance(STEP_MS)
    if (at === STORY_MS / 2) boundaries = passed
    if (!isDead) continue
    await mic.kill()
    isDead = false
    mic = world.startMic()
  }
  await clock.advance(QUIET_MS)
  await mic.kill()
  const final = {
    objects: cluster
      .all('assigned')
      .map(({ name, state, reason, message, deleting, identity }) => {
        return { name, state, reason, message, deleting, clientId: identity.clientId }
      })
      .sort((x, y) => (x.name < y.name ? -1 : 1)),
    onAzure: [...(arm.groups.get(vmssId('pool'))?.identities ?? [])].sort(),
    owned: [...cluster.ownership.values()].map((record) => Object.entries(record.identities).sort()),
  }
  return { final, boundaries }
}

test('a MIC that is killed before or after any single write or ARM call leaves the same result as one that lives', async () => {
  const undisturbed = await play(0)
  assert.ok(undisturbed.boundaries > 60, `only ${undisturbed.boundaries} boundaries`)
  const text = JSON.stringify(undisturbed.final)
  for (const part of ['"late-default-a","state":"Assigned"', 'does not exist on Azure', '/theirs']) {
    assert.ok(text.includes(part), `${part} is part of the story's end: ${text}`)
  }
  for (let dieAt = 1; dieAt <= undisturbed.boundaries; dieAt += 1) {
    const { final } = await play(dieAt)
    assert.deepEqual(final, undisturbed.final, `killed at boundary ${dieAt}`)
  }
})
