import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientIdOf, identityId } from '../../../test/make/objects.ts'
import { agents } from './agents.ts'
import { azureAssignedIdentities } from './azure-assigned-identities.ts'
import { azureIdentities } from './azure-identities.ts'
import { azureIdentityBindings } from './azure-identity-bindings.ts'
import { azurePodIdentityExceptions } from './azure-pod-identity-exceptions.ts'
import { nodes } from './nodes.ts'
import { agentPods, controllerPods } from './pods.ts'
import { secrets } from './secrets.ts'

const metadata = { name: 'shop', namespace: 'default', uid: 'u', resourceVersion: '7' }
const goodSpec = { type: 0, resourceID: identityId('shop'), clientID: clientIdOf('shop') }

function identity(spec: unknown, annotations: Record<string, string> = {}) {
  const projected = azureIdentities().project({ metadata: { ...metadata, annotations }, spec })
  assert.ok(projected !== undefined)
  return projected
}

function problemsOf(fields: Record<string, unknown>): readonly string[] {
  return identity({ ...goodSpec, ...fields }).problems
}

test('a good AzureIdentity has every field and no problem', () => {
  assert.deepEqual(identity(goodSpec, { 'aadpodidentity.k8s.io/Behavior': 'namespaced' }), {
    ...metadata,
    type: 0,
    resourceId: identityId('shop'),
    clientId: clientIdOf('shop'),
    tenantId: '',
    auxiliaryTenantIds: [],
    adResourceId: '',
    adEndpoint: '',
    namespaced: true,
    problems: [],
  })
})

test('each wrong field of an AzureIdentity is a problem that begins with its name', () => {
  const password = { name: 'secret', namespace: 'default' }
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ type: 7 }, /^type: must be 0 .* is 7$/],
    [{ type: '0' }, /^type: must be 0 /],
    [{ type: 0.5 }, /^type: /],
    [{ resourceID: '' }, /^resourceID: is missing$/],
    [
      { resourceID: '/subscriptions/x' },
      /^resourceID: must be \/subscriptions\/<id>.*is "\/subscriptions\/x"$/,
    ],
    [{ resourceID: 5 }, /^resourceID: must be a text, is a number$/],
    [{ clientID: null }, /^clientID: is missing$/],
    [{ clientID: 'shop' }, /^clientID: must be a client id like .* is "shop"$/],
    [{ clientID: ['a'] }, /^clientID: must be a text, is a list$/],
    [{ clientPassword: 'secret' }, /^clientPassword: must be an object, is a text$/],
    [{ clientPassword: { name: 3 } }, /^clientPassword\.name: must be a text, is a number$/],
    [{ auxiliaryTenantIDs: 'x' }, /^auxiliaryTenantIDs: must be a list of texts, is a text$/],
    [{ auxiliaryTenantIDs: ['x', 1] }, /^auxiliaryTenantIDs: must be a list of texts$/],
    [{ adEndpoint: 'http://login.example' }, /^adEndpoint: must be an https address, is "http:/],
    [{ adEndpoint: 'login' }, /^adEndpoint: must be an https address/],
    [{ adEndpoint: `https://a${'/'.repeat(600)}` }, /^adEndpoint: is longer than 512 characters/],
    [{ auxiliaryTenantIDs: Array(33).fill('t') }, /^auxiliaryTenantIDs: holds 33 tenants; at most 32/],
    [{ tenantID: '../x' }, /^tenantID: must be a tenant's id or domain, is "\.\.\/x"$/],
    [{ type: 1, tenantID: 't' }, /^clientPassword: is missing/],
    [{ type: 2, tenantID: 't' }, /^clientPassword: is missing/],
    [{ type: 1, clientPassword: password }, /^tenantID: is missing$/],
  ]
  for (const [fields, problem] of cases) {
    const problems = problemsOf(fields)
    assert.equal(problems.length, 1, JSON.stringify([fields, problems]))
    assert.match(problems[0] ?? '', problem)
  }
})

test('what is right for its type is no problem', () => {
  const principal = { type: 1, tenantID: 'contoso.example', clientPassword: { name: 's', namespace: 'n' } }
  assert.deepEqual(problemsOf({ ...principal, resourceID: '' }), [])
  assert.deepEqual(
    problemsOf({ auxiliaryTenantIDs: null, adEndpoint: 'https://login.microsoftonline.us/' }),
    [],
  )
  assert.deepEqual(problemsOf({ resourceID: identityId('shop').toUpperCase(), clientPassword: {} }), [])
})

test('a Secret reference without a namespace means the namespace of the identity', () => {
  const { clientPassword } = identity({ ...goodSpec, type: 1, tenantID: 't', clientPassword: { name: 's' } })
  assert.deepEqual(clientPassword, { namespace: 'default', name: 's' })
})

test('field names of very old objects are read, and the present spelling wins', () => {
  const old = identity({
    Type: 0,
    ResourceID: identityId('old'),
    ClientID: clientIdOf('old'),
    ADEndpoint: '',
  })
  assert.deepEqual(old.problems, [])
  assert.equal(old.resourceId, identityId('old'))
  const both = identity({ ...goodSpec, ResourceID: identityId('old'), ClientID: clientIdOf('old') })
  assert.equal(both.resourceId, identityId('shop'))
  assert.equal(both.clientId, clientIdOf('shop'))
  const binding = azureIdentityBindings().project({ metadata, Spec: { AzureIdentity: 'a', Selector: 's' } })
  assert.deepEqual([binding?.azureIdentity, binding?.selector, binding?.problems], ['a', 's', []])
})

test('a spec that is missing or nonsense leaves an object with problems', () => {
  for (const spec of [undefined, null, 'text', 5, [], {}]) {
    assert.deepEqual(identity(spec).problems, ['resourceID: is missing', 'clientID: is missing'])
    const binding = azureIdentityBindings().project({ metadata, spec })
    assert.deepEqual(binding?.problems, ['azureIdentity: is missing', 'selector: is missing'])
  }
})

test("a user's text in a problem is bounded and its control characters are escaped", () => {
  const [problem = ''] = problemsOf({ clientID: `\u0007${'x'.repeat(5_000)}` })
  assert.ok(problem.length < 300)
  assert.ok(!problem.includes('\u0007'))
})

const assignedSpec = {
  azureIdentityRef: { apiVersion: 'v', kind: 'AzureIdentity', metadata, spec: goodSpec },
  azureBindingRef: {
    metadata: { ...metadata, name: 'b' },
    spec: { azureIdentity: 'shop', selector: 'shop' },
  },
  pod: 'web-0',
  podNamespace: 'shop',
  nodename: 'node-0',
}

function assigned(fields: Record<string, unknown>) {
  const projected = azureAssignedIdentities().project({ metadata, spec: assignedSpec, ...fields })
  assert.ok(projected !== undefined)
  return projected
}

test('an AzureAssignedIdentity carries the embedded objects whole, and the reason beside the old status', () => {
  const object = assigned({
    metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['f'] },
    status: { status: 'Created', availableReplicas: 1, reason: 'assignment-failed', message: 'm' },
  })
  assert.deepEqual(object.problems, [])
  assert.equal(object.identity.name, 'shop')
  assert.equal(object.identity.resourceVersion, '7')
  assert.equal(object.binding.name, 'b')
  assert.deepEqual(
    [object.pod, object.podNamespace, object.nodeName, object.state, object.reason, object.message],
    ['web-0', 'shop', 'node-0', 'Created', 'assignment-failed', 'm'],
  )
  assert.deepEqual([object.deleting, object.finalizers], [true, ['f']])
})

test('an AzureAssignedIdentity without a status is one of an old release and reads as assigned', () => {
  assert.equal(assigned({}).state, '')
  assert.equal(assigned({ status: null }).state, '')
  assert.equal(assigned({ status: { availableReplicas: 1 } }).state, '')
})

test('a status that is nonsense never reads as assigned', () => {
  for (const status of ['Assigned', 5, [], { status: 'assigned?' }, { status: 7 }, { status: {} }]) {
    const object = assigned({ status })
    assert.equal(object.state, 'Created', JSON.stringify(status))
    assert.equal(object.problems.length, 1)
    assert.match(object.problems[0] ?? '', /^status/)
  }
})

test('missing parts of an AzureAssignedIdentity are named', () => {
  const object = azureAssignedIdentities().project({ metadata, spec: { azureBindingRef: { spec: {} } } })
  assert.deepEqual(object?.problems, [
    'pod: is missing',
    'podNamespace: is missing',
    'nodename: is missing',
    'azureIdentityRef: is missing',
    'azureBindingRef.metadata.name: is missing',
  ])
})

test('only plain labels of an AzurePodIdentityException count', () => {
  const of = (podLabels: unknown) =>
    azurePodIdentityExceptions().project({ metadata, spec: { podLabels } })?.podLabels
  assert.deepEqual(of({ app: 'mic', n: 5, o: {}, nothing: null }), { app: 'mic' })
  for (const wrong of [undefined, null, 'app', ['app'], 5]) assert.deepEqual(of(wrong), {})
})

test('a pod keeps what podid needs of it, in canonical form', () => {
  const raw = {
    metadata: {
      ...metadata,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'web', aadpodidbinding: 'shop' },
      ownerReferences: [
        { kind: 'ReplicaSet', name: 'other' },
        { kind: 'ReplicaSet', name: 'web-5d', controller: true },
      ],
    },
    spec: { nodeName: 'n', serviceAccountName: 'sa', containers: [{}] },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      podIPs: [{ ip: '10.0.0.1' }, { ip: 'FD00::0A' }, { ip: '::ffff:10.0.0.1' }, { ip: 'nonsense' }],
    },
  }
  assert.deepEqual(agentPods().project(raw), {
    ...metadata,
    nodeName: 'n',
    phase: 'Running',
    addresses: ['10.0.0.1', 'fd00::a'],
    hostNetwork: false,
    serviceAccount: 'sa',
    labels: { app: 'web', aadpodidbinding: 'shop' },
    replicaSet: 'web-5d',
    createdAt: Date.UTC(2026, 0, 1),
    deleting: false,
    sandboxAt: 0,
  })
  assert.deepEqual(controllerPods().project(raw)?.labels, { aadpodidbinding: 'shop' })
})

test('a pod of which nothing but its name can be read is kept, and has no address', () => {
  const bare = {
    nodeName: '',
    phase: 'Unknown',
    addresses: [],
    hostNetwork: false,
    serviceAccount: 'default',
    labels: {},
    replicaSet: '',
    createdAt: 0,
    deleting: false,
    sandboxAt: 0,
  }
  const nonsense = {
    metadata: { ...metadata, labels: [], ownerReferences: 5 },
    spec: 'x',
    status: { podIPs: {} },
  }
  const nulls = { metadata: { ...metadata, labels: null, annotations: null, ownerReferences: null } }
  for (const raw of [{ metadata }, nulls, nonsense, { metadata, spec: null, status: null }]) {
    assert.deepEqual(agentPods().project(raw), { ...metadata, ...bare })
  }
  const onlyOld = { metadata, status: { podIP: '10.0.0.9' } }
  assert.deepEqual(agentPods().project(onlyOld)?.addresses, ['10.0.0.9'])
})

test('the last time at which a pod’s sandbox was there is the latest of its condition and its started containers', () => {
  const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
  const started = (second: number) => ({ state: { running: { startedAt: at(second) } } })
  const of = (status: unknown): number => agentPods().project({ metadata, status })?.sandboxAt ?? -1
  const second = (count: number): number => Date.UTC(2026, 0, 1, 0, 0, count)
  const ready = { type: 'PodReadyToStartContainers', status: 'True', lastTransitionTime: at(5) }
  assert.equal(of({ conditions: [ready] }), second(5))
  assert.equal(of({ conditions: [ready], containerStatuses: [started(9), started(7)] }), second(9))
  assert.equal(of({ initContainerStatuses: [started(3)], containerStatuses: [started(2)] }), second(3))
  // A sandbox that is gone, a container that has ended, a container that a debugger added: none tells of a sandbox.
  assert.equal(of({ conditions: [{ ...ready, status: 'False' }] }), 0)
  assert.equal(of({ conditions: [{ ...ready, type: 'Ready' }] }), 0)
  assert.equal(of({ containerStatuses: [{ state: { terminated: { startedAt: at(9) } } }] }), 0)
  assert.equal(of({ ephemeralContainerStatuses: [started(9)] }), 0)
  const nonsense = [
    5,
    null,
    { state: 5 },
    { state: { running: 5 } },
    { state: { running: { startedAt: 'soon' } } },
  ]
  for (const each of nonsense)
    assert.equal(of({ conditions: each, containerStatuses: [each], initContainerStatuses: each }), 0)
  const raw = { metadata, status: { conditions: [ready] } }
  assert.equal(controllerPods().project(raw)?.sandboxAt, 0)
})

test('pods with the same binding label share one labels object in the controller', () => {
  const spec = controllerPods()
  const raw = { metadata: { ...metadata, labels: { aadpodidbinding: 'shop' } } }
  assert.equal(spec.project(raw)?.labels, spec.project(structuredClone(raw))?.labels)
})

test('a node without a provider id has an empty one', () => {
  const node = { name: 'shop', uid: 'u', resourceVersion: '7' }
  assert.deepEqual(nodes().project({ metadata, spec: { providerID: 'azure:///x' } }), {
    ...node,
    providerId: 'azure:///x',
    createdAt: 0,
    startupTaints: [],
  })
  assert.deepEqual(nodes().project({ metadata, spec: { providerID: 5 } })?.providerId, '')
  assert.deepEqual(nodes().project({ metadata })?.providerId, '')
})

test('a node tells where its start-up taint is, by the key alone, and nothing of it when none is named', () => {
  const creationTimestamp = '2026-01-01T00:00:00Z'
  const of = (taints: unknown, key = 'k/a') =>
    nodes(key).project({ metadata: { ...metadata, creationTimestamp }, spec: { providerID: 'p', taints } })
  const taints = [{ key: 'other' }, { key: 'k/a', effect: 'NoSchedule' }, { key: 'k/a', effect: 'NoExecute' }]
  assert.deepEqual(of(taints)?.startupTaints, [1, 2])
  assert.equal(of(taints)?.createdAt, Date.UTC(2026, 0, 1))
  assert.deepEqual(of(taints, '')?.startupTaints, [])
  assert.deepEqual(of([5, null, { key: 7 }, { key: 'k/a' }])?.startupTaints, [3])
  for (const wrong of [undefined, null, 'k/a', {}, [], [{ key: 'k/ab' }, { value: 'k/a' }]]) {
    assert.deepEqual(of(wrong)?.startupTaints, [])
    assert.equal(of(wrong)?.providerId, 'p')
  }
})

test('a pod of the node agent is ready when it is a running, ready pod of a DaemonSet on the host network', () => {
  const owner = { kind: 'DaemonSet', name: 'nmi', controller: true }
  const ready = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-02T00:00:00Z' }]
  const of = (meta: object = {}, spec: object = {}, status: object = {}) =>
    agents().project({
      metadata: { ...metadata, ownerReferences: [owner], ...meta },
      spec: { nodeName: 'n', hostNetwork: true, ...spec },
      status: { phase: 'Running', conditions: ready, ...status },
    })
  assert.deepEqual(of(), {
    ...metadata,
    nodeName: 'n',
    readySince: Date.UTC(2026, 0, 2),
    ready: true,
  })
  const timeless = of({}, {}, { conditions: [{ type: 'Ready', status: 'True' }] })
  assert.deepEqual([timeless?.ready, timeless?.readySince], [true, 0])
  const notReady = [
    of({ deletionTimestamp: '2026-01-01T00:00:00Z' }),
    of({ ownerReferences: [{ ...owner, kind: 'ReplicaSet' }] }),
    of({ ownerReferences: [{ ...owner, controller: false }] }),
    of({ ownerReferences: [] }),
    of({}, { hostNetwork: false }),
    of({}, { hostNetwork: 'yes' }),
    of({}, {}, { phase: 'Pending' }),
    of({}, {}, { conditions: [{ type: 'Ready', status: 'False' }, 5, null] }),
    of({}, {}, { conditions: [{ type: 'ContainersReady', status: 'True' }] }),
    of({}, {}, { conditions: undefined }),
    agents().project({ metadata }),
    agents().project({ metadata, spec: 5, status: 5 }),
  ]
  for (const each of notReady) assert.equal(each?.ready, false)
})

test("a Secret's values are decoded into memory of their own", () => {
  const data = { password: Buffer.from('geheim').toString('base64'), nonsense: 5 }
  const secret = secrets().project({ metadata, data })
  assert.deepEqual(Object.keys(secret?.data ?? {}), ['password'])
  const password = secret?.data['password']
  assert.equal(Buffer.from(password ?? []).toString(), 'geheim')
  assert.equal(password?.buffer.byteLength, 6)
  assert.deepEqual(secrets().project({ metadata })?.data, {})
})

test('no kind keeps an object without a name, and none throws at anything', () => {
  const kinds = [agentPods(), controllerPods(), nodes(), azureIdentities(), azureIdentityBindings()]
  const others = [azureAssignedIdentities(), azurePodIdentityExceptions(), secrets(), agents()]
  for (const raw of [undefined, null, 5, 'x', [], {}, { metadata: null }, { metadata: { name: '' } }]) {
    for (const kind of [...kinds, ...others]) assert.equal(kind.project(raw), undefined)
  }
})
