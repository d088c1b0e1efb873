import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ArmError } from '../../src/azure/arm.ts'
import { canonicalResourceId } from '../../src/model/resource-id.ts'
import { isLive } from '../../src/model/resources.ts'
import {
  type MicWorld,
  makeMicWorld,
  makeNode,
  type RunningMic,
  vmId,
  vmssId,
  vmssNode,
} from '../make/mic-world.ts'
import { clientIdOf, identityId, makeBinding, makeIdentity, makePod } from '../make/objects.ts'

const NAMES = ['i0', 'i1', 'i2', 'i3'] as const
const NODES = ['red-0', 'red-1', 'blue-0', 'vm-0', 'bare'] as const
const GROUP_OF: Readonly<Record<string, string | undefined>> = {
  'red-0': vmssId('red'),
  'red-1': vmssId('red'),
  'blue-0': vmssId('blue'),
  'vm-0': vmId('vm-0'),
}
const GROUPS = [vmssId('red'), vmssId('blue'), vmId('vm-0')] as const
const MINUTE = 60_000

type Step =
  | { kind: 'pod'; pod: number; name: string; node: string }
  | { kind: 'gone' | 'finished'; pod: number }
  | { kind: 'unbind' | 'bind' | 'forbid' | 'permit' | 'destroy' | 'recreate'; name: string }
  | { kind: 'foreign' | 'taken'; name: string; group: string }
  | { kind: 'restart' }
  | { kind: 'fault'; fault: 'throttled' | 'conflict' | 'unavailable' | 'lost'; calls: number }
  | { kind: 'api'; writes: number }
  | { kind: 'wait'; ms: number }

const name = fc.constantFrom(...NAMES)
const podNumber = fc.integer({ min: 0, max: 5 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('pod' as const),
      pod: podNumber,
      name,
      node: fc.constantFrom(...NODES),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('gone' as const, 'finished' as const), pod: podNumber }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'unbind' as const,
        'bind' as const,
        'forbid' as const,
        'permit' as const,
        'destroy' as const,
        'recreate' as const,
      ),
      name,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('foreign' as const, 'taken' as const),
      name,
      group: fc.constantFrom(...GROUPS),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      fault: fc.constantFrom(
        'throttled' as const,
        'conflict' as const,
        'unavailable' as const,
        'lost' as const,
      ),
      calls: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('api' as const), writes: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
  },
)

/** The world and, beside it, what a naive observer knows: who put which identity on which group. */
class Story {
  readonly world: MicWorld
  readonly foreign = new Map<string, Set<string>>(GROUPS.map((group) => [group, new Set<string>()]))
  #mic: RunningMic
  #renewals = 0
  readonly #sound = new Set<string>()
  readonly #violations: string[] = []

  constructor(seed: number) {
    this.world = makeMicWorld({ seed })
    const { arm, cluster } = this.world
    cluster.watchDelayMs = 300
    for (const group of GROUPS) arm.addGroup(group)
    for (const node of ['red-0', 'red-1', 'blue-0'] as const) {
      const [set = '', n = '0'] = node.split('-')
      cluster.put('nodes', vmssNode(set, Number(n)))
    }
    cluster.put('nodes', makeNode('vm-0', `azure://${vmId('vm-0')}`))
    cluster.put('nodes', makeNode('bare', ''))
    for (const each of NAMES) this.world.addIdentity(each)
    const { afterCall } = arm
    arm.afterCall = (call) => {
      afterCall(call)
      for (const id of call.patch?.remove ?? []) {
        if (this.foreign.get(call.target)?.has(id) !== true) continue
        // What is dead, or an old principal that is renewed, serves nobody: that alone may be taken off.
        if (this.#sound.has(`${call.target} ${id}`))
          this.#violations.push(`${id} was taken off ${call.target}`)
        if (!arm.identities.has(id)) this.foreign.get(call.target)?.delete(id)
      }
    }
    arm.beforeCall = (call) => this.#noteSound(call)
    this.#mic = this.world.startMic()
  }

  /** Before a PATCH: which identities on the group exist and are held with their present principal. */
  #noteSound(call: { kind: string; target: string }): void {
    if (call.kind !== 'patch') return
    const { arm } = this.world
    for (const [id, held] of arm.groups.get(call.target)?.identities ?? []) {
      const slot = `${call.target} ${id}`
      if (arm.identities.get(id)?.clientId === held.clientId) this.#sound.add(slot)
      else this.#sound.delete(slot)
    }
  }

  async take(next: Step): Promise<void> {
    const { arm, clock, cluster } = this.world
    switch (next.kind) {
      case 'pod':
        cluster.put('pods', makePod({ name: `p${next.pod}`, selector: next.name, nodeName: next.node }))
        return
      case 'gone':
        cluster.remove('pods', `default/p${next.pod}`)
        return
      case 'finished': {
        const pod = cluster.all('pods').find((each) => each.name === `p${next.pod}`)
        if (pod !== undefined) cluster.put('pods', { ...pod, phase: 'Succeeded' })
        return
      }
      case 'unbind':
        cluster.remove('bindings', `default/${next.name}-binding`)
        return
      case 'bind':
        this.bind(next.name)
        return
      case 'forbid':
      case 'permit':
        if (arm.identities.has(canonicalResourceId(identityId(next.name)))) {
          arm.permit(identityId(next.name), next.kind === 'permit')
        }
        return
      case 'destroy':
        arm.deleteIdentity(identityId(next.name))
        return
      case 'recreate':
        this.recreate(next.name)
        return
      case 'foreign':
        this.#putByHand(next.group, next.name)
        return
      case 'taken':
        arm.groups.get(next.group)?.identities.delete(canonicalResourceId(identityId(next.name)))
        this.foreign.get(next.group)?.delete(canonicalResourceId(identityId(next.name)))
        return
      case 'restart':
        await this.#mic.kill()
        this.#mic = this.world.startMic()
        return
      case 'fault':
        this.#breakArm(next.fault, next.calls)
        return
      case 'api': {
        let left = next.writes
        cluster.beforeWrite = () => {
          left -= 1
          if (left >= 0) throw new Error('503 from the API server')
        }
        return
      }
      case 'wait':
        await clock.advance(next.ms)
        return
    }
  }

  bind(each: string): void {
    this.world.cluster.put(
      'bindings',
      makeBinding({ name: `${each}-binding`, azureIdentity: each, selector: each }),
    )
  }

  /** Deleted and made again; the user writes the new client id into the AzureIdentity. */
  recreate(each: string): void {
    this.#renewals += 1
    const clientId = clientIdOf(`${each}${this.#renewals}`)
    this.world.arm.addIdentity(identityId(each), clientId)
    this.world.cluster.put('identities', makeIdentity({ name: each, clientId }))
  }

  #putByHand(group: string, each: string): void {
    const { arm, cluster } = this.world
    const id = canonicalResourceId(identityId(each))
    const actual = arm.identities.get(id)
    const held = arm.groups.get(group)?.identities
    // What podid is adding at this very moment cannot be told from what a person adds.
    const isPodids = Object.hasOwn(cluster.ownership.get(group)?.identities ?? {}, id)
    if (actual === undefined || held === undefined || held.has(id) || isPodids) return
    held.set(id, { clientId: actual.clientId, principalId: actual.principalId })
    this.foreign.get(group)?.add(id)
  }

  #breakArm(fault: 'throttled' | 'conflict' | 'unavailable' | 'lost', calls: number): void {
    let left = calls
    const { arm } = this.world
    const fail = (): void => {
      left -= 1
      if (left >= 0) throw new ArmError(fault === 'lost' ? 'unavailable' : fault, 'fault', { status: 500 })
    }
    if (fault !== 'lost') {
      arm.beforeCall = (call) => {
        this.#noteSound(call)
        fail()
      }
      return
    }
    const { afterCall } = arm
    arm.afterCall = (call) => {
      afterCall(call)
      fail()
    }
  }

  /** Everything is mended, and time passes. */
  async settle(): Promise<void> {
    const { arm, clock, cluster } = this.world
    arm.beforeCall = (call) => this.#noteSound(call)
    cluster.beforeWrite = () => {}
    for (const each of NAMES) {
      if (!arm.identities.has(canonicalResourceId(identityId(each)))) this.recreate(each)
      arm.permit(identityId(each), true)
    }
    await clock.advance(30 * MINUTE)
    await this.#mic.kill()
  }

  check(): void {
    assert.deepEqual(this.#violations, [])
    const { arm, cluster } = this.world
    const bound = new Set(cluster.all('bindings').map((binding) => binding.selector))
    const pods = cluster
      .all('pods')
      .filter((pod) => isLive(pod) && bound.has(pod.labels['aadpodidbinding'] ?? ''))
    const expected = pods.map((pod) => {
      const isAssigned = GROUP_OF[pod.nodeName] !== undefined
      return `${pod.name} ${pod.labels['aadpodidbinding'] ?? ''} ${pod.nodeName} ${isAssigned ? 'Assigned' : 'Created'}`
    })
    const objects = cluster
      .all('assigned')
      .map((object) => `${object.pod} ${object.identity.name} ${object.nodeName} ${object.state}`)
    assert.deepEqual(objects.sort(), expected.sort())
    for (const group of GROUPS) {
      const wanted = pods
        .filter((pod) => GROUP_OF[pod.nodeName] === group)
        .map((pod) => canonicalResourceId(identityId(pod.labels['aadpodidbinding'] ?? '')))
      const held = new Set(arm.identitiesOf(group))
      for (const id of this.foreign.get(group) ?? []) assert.ok(held.has(id), `foreign ${id} left ${group}`)
      for (const id of wanted) assert.ok(held.has(id), `${id} is missing on ${group}`)
      for (const id of held) {
        const isForeign = this.foreign.get(group)?.has(id) === true
        assert.ok(wanted.includes(id) || isForeign, `${id} was leaked on ${group}`)
      }
      const owned = Object.keys(cluster.ownership.get(group)?.identities ?? {})
      for (const id of owned) assert.ok(wanted.includes(id), `${id} is still on record for ${group}`)
    }
  }
}

test('whatever happens to pods, bindings, Azure, the API server and MIC, in the end the groups hold what is wanted, what is foreign, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), fc.integer(), async (steps, seed) => {
      const story = new Story(seed)
      for (const next of steps) await story.take(next)
      await story.settle()
      story.check()
    }),
    { numRuns: 40 },
  )
})
