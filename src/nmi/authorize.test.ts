import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientIdOf,
  identityId,
  makeAssigned,
  makeBinding,
  makeIdentity,
  makePod,
} from '../../test/make/objects.ts'
import { ObjectStore } from '../kube/store.ts'
import type { IdentitySelector } from '../model/match.ts'
import { objectKey } from '../model/names.ts'
import type { AzureAssignedIdentity, AzureIdentity, AzureIdentityBinding, Pod } from '../model/resources.ts'
import { type AuthorizeRules, authorize, type Decision } from './authorize.ts'
import { type ClusterView, createClusterView } from './cluster-view.ts'

interface World {
  readonly pod?: Pod
  readonly bindings?: readonly AzureIdentityBinding[]
  readonly identities?: readonly AzureIdentity[]
  readonly assigned?: readonly AzureAssignedIdentity[]
  readonly selector?: IdentitySelector
  readonly rules?: Partial<AuthorizeRules>
}

function storeOf<T extends { namespace: string; name: string }>(objects: readonly T[]): ObjectStore<T> {
  const store = new ObjectStore<T>()
  for (const object of objects) store.put(objectKey(object.namespace, object.name), object)
  return store
}

function viewOf({
  pod = makePod(),
  bindings = [makeBinding()],
  identities = [makeIdentity()],
  assigned = [],
}: World): ClusterView {
  return createClusterView({
    pods: storeOf([pod]),
    bindings: storeOf(bindings),
    identities: storeOf(identities),
    assigned: storeOf(assigned),
    exceptions: storeOf([]),
  })
}

function decide(world: World): Decision {
  const { pod = makePod(), selector = {}, rules = {} } = world
  return authorize(pod, selector, viewOf(world), {
    mode: 'standard',
    forceNamespaced: false,
    requireIdentitySelector: false,
    objectIdOf: () => undefined,
    ...rules,
  })
}

function codeOf(decision: Decision): string {
  return decision.kind === 'granted' ? 'granted' : decision.refusal.code
}

const two = {
  bindings: [
    makeBinding({ name: 'a', azureIdentity: 'one' }),
    makeBinding({ name: 'b', azureIdentity: 'two' }),
  ],
  identities: [makeIdentity({ name: 'one' }), makeIdentity({ name: 'two' })],
}
const assignedTo = (name: string, fields: Partial<AzureAssignedIdentity> = {}) =>
  makeAssigned({ identity: makeIdentity({ name }), ...fields })

test('in standard mode a pod gets its identity when the chain holds and the object says Assigned', () => {
  const decision = decide({ assigned: [makeAssigned()] })
  assert.equal(decision.kind, 'granted')
  assert.equal(decision.kind === 'granted' && decision.identity.name, 'shop')
})

test('an object of an old release without a state counts as Assigned', () => {
  assert.equal(codeOf(decide({ assigned: [makeAssigned({ state: '' })] })), 'granted')
})

test('the object alone is not enough: without binding, identity or label there is no grant', () => {
  const assigned = [makeAssigned()]
  assert.equal(codeOf(decide({ assigned, bindings: [] })), 'no-binding')
  assert.equal(codeOf(decide({ assigned, identities: [] })), 'identity-missing')
  assert.equal(codeOf(decide({ assigned, pod: makePod({ selector: '' }) })), 'no-label')
  assert.equal(codeOf(decide({ assigned, pod: makePod({ selector: 'other' }) })), 'no-binding')
})

test('the chain alone is not enough: every object but an assigned one of this identity leaves it pending', () => {
  const cases: Record<string, AzureAssignedIdentity[]> = {
    none: [],
    created: [makeAssigned({ state: 'Created' })],
    unassigned: [makeAssigned({ state: 'Unassigned' })],
    deleting: [makeAssigned({ deleting: true })],
    malformed: [makeAssigned({ problems: ['spec.pod is empty'] })],
    'of another pod': [makeAssigned({ pod: 'shop-1' })],
    'of a pod in another namespace': [makeAssigned({ podNamespace: 'other' })],
    'of another identity': [assignedTo('other')],
    'of a namesake in another namespace': [makeAssigned({ identity: makeIdentity({ namespace: 'other' }) })],
    'of an identity that was recreated': [
      makeAssigned({ identity: makeIdentity({ clientId: clientIdOf('old') }) }),
    ],
    'with another resource id': [makeAssigned({ identity: makeIdentity({ resourceId: identityId('old') }) })],
    'of another type': [makeAssigned({ identity: makeIdentity({ type: 1 }) })],
  }
  for (const [name, assigned] of Object.entries(cases)) {
    const decision = decide({ assigned })
    assert.equal(decision.kind, 'pending', name)
    assert.equal(codeOf(decision), 'not-assigned-yet', name)
  }
})

test('a pending decision tells whether MIC has begun', () => {
  const begun = (assigned: AzureAssignedIdentity[]) => {
    const decision = decide({ assigned })
    return decision.kind === 'pending' && decision.objectExists
  }
  assert.equal(begun([]), false)
  assert.equal(begun([makeAssigned({ state: 'Created' })]), true)
})

test('spelling differs between object and identity in case only: it is the same identity', () => {
  const identity = makeIdentity({
    clientId: clientIdOf('shop').toUpperCase(),
    resourceId: identityId('shop').toUpperCase(),
  })
  assert.equal(codeOf(decide({ identities: [identity], assigned: [makeAssigned()] })), 'granted')
})

test('a service principal identity needs its object too', () => {
  const identity = makeIdentity({
    type: 1,
    resourceId: '',
    clientPassword: { namespace: 'default', name: 's' },
  })
  assert.equal(codeOf(decide({ identities: [identity] })), 'not-assigned-yet')
  assert.equal(codeOf(decide({ identities: [identity], assigned: [makeAssigned({ identity })] })), 'granted')
})

test('a failed assignment is refused at once with the words of MIC', () => {
  const decision = decide({
    assigned: [
      makeAssigned({
        state: 'Created',
        reason: 'assignment-failed',
        message: 'LinkedAuthorizationFailed: run az role',
      }),
    ],
  })
  assert.deepEqual(decision, {
    kind: 'refused',
    refusal: {
      code: 'assignment-failed',
      message:
        'AzureIdentity default/shop could not be assigned to the node of pod default/shop-0: LinkedAuthorizationFailed: run az role',
    },
  })
})

test('an identity is named by client id, resource id or object id, without regard to case', () => {
  const world = { ...two, assigned: [assignedTo('one'), assignedTo('two')] }
  const rules = {
    objectIdOf: (clientId: string) => (clientId === clientIdOf('two') ? 'object-two' : 'object-one'),
  }
  for (const selector of [
    { clientId: clientIdOf('two').toUpperCase() },
    { resourceId: identityId('two').toLowerCase() },
    { objectId: 'OBJECT-TWO' },
  ]) {
    const decision = decide({ ...world, selector, rules })
    assert.equal(decision.kind === 'granted' && decision.identity.name, 'two', JSON.stringify(selector))
    assert.equal(decision.kind === 'granted' && decision.chosenAmong, undefined)
  }
})

test('an identity that is named waits for itself and never falls back to another', () => {
  const world = { ...two, assigned: [assignedTo('one')] }
  assert.equal(codeOf(decide({ ...world, selector: { clientId: clientIdOf('two') } })), 'not-assigned-yet')
})

test('of several identities the first that is assigned is given when none is named', () => {
  const first = (assigned: AzureAssignedIdentity[]) => {
    const decision = decide({ ...two, assigned })
    return decision.kind === 'granted' ? decision.identity.name : decision.kind
  }
  assert.equal(first([assignedTo('one'), assignedTo('two')]), 'one')
  assert.equal(first([assignedTo('two')]), 'two')
  assert.equal(
    first([assignedTo('one', { state: 'Created', reason: 'assignment-failed' }), assignedTo('two')]),
    'two',
  )
  assert.equal(first([assignedTo('one', { state: 'Created', reason: 'assignment-failed' })]), 'pending')
})

test('a choice among several is told, two bindings to one identity are none', () => {
  const decision = decide({ ...two, assigned: [assignedTo('one')] })
  assert.deepEqual(decision.kind === 'granted' && decision.chosenAmong?.map((each) => each.name), [
    'one',
    'two',
  ])
  const single = decide({
    bindings: [makeBinding({ name: 'a' }), makeBinding({ name: 'b' })],
    assigned: [makeAssigned()],
  })
  assert.equal(single.kind === 'granted' && single.chosenAmong, undefined)
})

test('with a required selector several identities and no name are refused with the candidates', () => {
  const decision = decide({ ...two, assigned: [assignedTo('one')], rules: { requireIdentitySelector: true } })
  assert.equal(codeOf(decision), 'identity-ambiguous')
  assert.ok(decision.kind === 'refused')
  assert.match(decision.refusal.message, /default\/one \(client_id=.*default\/two \(client_id=/)
})

test('an identity that is not bound is refused with the bound ones', () => {
  const decision = decide({ assigned: [makeAssigned()], selector: { clientId: clientIdOf('other') } })
  assert.deepEqual(decision, {
    kind: 'refused',
    refusal: {
      code: 'identity-not-bound',
      message:
        `pod default/shop-0 asks for client_id=${clientIdOf('other')}, which is not bound to it; ` +
        `bound are: default/shop (client_id=${clientIdOf('shop')})`,
    },
  })
})

test('an object id given as a client id is recognised', () => {
  const decision = decide({
    assigned: [makeAssigned()],
    selector: { clientId: 'OBJECT-1' },
    rules: { objectIdOf: () => 'object-1' },
  })
  assert.ok(decision.kind === 'refused')
  assert.match(decision.refusal.message, /That is the object id of default\/shop: ask for client_id=/)
})

test('a named identity behind a broken link is refused with that link', () => {
  const identities = [
    makeIdentity({ name: 'one' }),
    makeIdentity({ name: 'two', problems: ['resourceID is malformed'] }),
  ]
  const decision = decide({
    ...two,
    identities,
    assigned: [assignedTo('one')],
    selector: { clientId: clientIdOf('two') },
  })
  assert.equal(codeOf(decision), 'identity-invalid')
})

test('an unknown object id asks for the tokens that tell it, of assigned identities alone', () => {
  const selector = { objectId: 'object-1' }
  const decision = decide({ ...two, assigned: [assignedTo('two')], selector })
  assert.deepEqual(decision.kind === 'unlearnt' && decision.identities.map((each) => each.name), ['two'])
  assert.equal(
    decide({ assigned: [makeAssigned()], selector, rules: { objectIdOf: () => 'known' } }).kind,
    'refused',
  )
})

test('an unknown object id may be that of a bound identity which is on its way or whose assignment failed', () => {
  const selector = { objectId: 'object-1' }
  assert.equal(decide({ ...two, selector }).kind, 'pending')
  const failed = makeAssigned({ state: 'Created', reason: 'assignment-failed', message: 'forbidden' })
  assert.equal(codeOf(decide({ assigned: [failed], selector })), 'assignment-failed')
  assert.equal(codeOf(decide({ selector, rules: { objectIdOf: () => 'known' } })), 'identity-not-bound')
})

test('in managed mode the chain is enough, and it never crosses a namespace', () => {
  const rules = { mode: 'managed' } as const
  assert.equal(codeOf(decide({ rules })), 'granted')
  assert.equal(codeOf(decide({ rules, pod: makePod({ namespace: 'other' }) })), 'namespace-mismatch')
})

test('a long selector is cut in the text of the refusal', () => {
  const decision = decide({ assigned: [makeAssigned()], selector: { clientId: 'x'.repeat(900) } })
  assert.ok(decision.kind === 'refused')
  assert.ok(decision.refusal.message.length < 500)
})

test('a refused pod is told of bindings as they are, after each change of a binding or an identity', () => {
  const pod = makePod({ selector: 'shp' })
  const bindings = storeOf([makeBinding({ namespace: 'tenant' })])
  const identities = storeOf([makeIdentity({ namespace: 'tenant' })])
  const view = createClusterView({ pods: storeOf([pod]), bindings, identities, exceptions: storeOf([]) })
  const rules: AuthorizeRules = {
    mode: 'standard',
    forceNamespaced: false,
    requireIdentitySelector: false,
    objectIdOf: () => undefined,
  }
  const told = (): string => {
    const decision = authorize(pod, {}, view, rules)
    return decision.kind === 'refused' ? (decision.refusal.message.split('; ')[1] ?? '') : decision.kind
  }
  assert.equal(told(), 'bindings here select: shop. Did you mean shop?')
  identities.put('tenant/shop', makeIdentity({ namespace: 'tenant', namespaced: true }))
  assert.equal(told(), 'there are no bindings')
  bindings.put('default/cart', makeBinding({ name: 'cart', selector: 'cart' }))
  assert.equal(told(), 'bindings here select: cart')
})
