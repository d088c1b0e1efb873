/** Writes to the emulated API server: status codes, Status objects and conflict rules. */
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { KubeEmulator, KubeEmulatorOptions } from '../../emulator/kube/kube-emulator.ts'
import { startTestKube } from '../harness/kube-emulator.ts'
import type { Json, KubeHttp, Reply } from '../harness/kube-http.ts'
import { kubeHttp } from '../harness/kube-http.ts'

const PODS = '/api/v1/namespaces/default/pods'
const MAPS = '/api/v1/namespaces/default/configmaps'
const IDENTITIES = '/apis/aadpodidentity.k8s.io/v1/namespaces/default/azureidentities'
const ASSIGNED = '/apis/aadpodidentity.k8s.io/v1/namespaces/default/azureassignedidentities'
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases'
const MERGE = 'application/merge-patch+json'

async function start(
  context: TestContext,
  options: KubeEmulatorOptions = {},
): Promise<{ kube: KubeEmulator; http: KubeHttp }> {
  const kube = await startTestKube(context, options)
  return { kube, http: kubeHttp(context, kube) }
}

const map = (name: string, rest: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  ...rest,
})
const pod = (name: string, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'a', image: 'i' }], ...spec },
})
const identity = (name: string, rest: object = {}): object => ({
  apiVersion: 'aadpodidentity.k8s.io/v1',
  kind: 'AzureIdentity',
  metadata: { name },
  spec: { type: 0 },
  ...rest,
})

/** What a refusal says: code, reason, message and details. */
function refusal(reply: Reply): {
  code: number
  reason: string | undefined
  message: string | undefined
  details: Json | undefined
} {
  const { kind, reason, message, details, code } = reply.json()
  assert.equal(kind, 'Status')
  assert.equal(code, reply.code)
  return { code: reply.code, reason, message, details }
}

function causesOf(refused: {
  details: Json | undefined
}): { reason: string; field: string; message: string }[] {
  return (refused.details?.['causes'] ?? []) as { reason: string; field: string; message: string }[]
}

test('a missing, an existing and a stale object are refused with the Status of a real server', async (t) => {
  const { http } = await start(t)
  assert.deepEqual(refusal(await http.ask('GET', `${IDENTITIES}/shop`)), {
    code: 404,
    reason: 'NotFound',
    message: 'azureidentities.aadpodidentity.k8s.io "shop" not found',
    details: { name: 'shop', group: 'aadpodidentity.k8s.io', kind: 'azureidentities' },
  })
  const created = await http.ask('POST', MAPS, { body: map('m') })
  assert.equal(created.code, 201)
  assert.deepEqual(refusal(await http.ask('POST', MAPS, { body: map('m') })), {
    code: 409,
    reason: 'AlreadyExists',
    message: 'configmaps "m" already exists',
    details: { name: 'm', kind: 'configmaps' },
  })
  const stale = created.json()
  await http.ask('PUT', `${MAPS}/m`, { body: { ...stale, data: { a: '1' } } })
  assert.deepEqual(refusal(await http.ask('PUT', `${MAPS}/m`, { body: stale })), {
    code: 409,
    reason: 'Conflict',
    message:
      'Operation cannot be fulfilled on configmaps "m": the object has been modified; please apply your changes to the latest version and try again',
    details: { name: 'm', kind: 'configmaps' },
  })
  const foreign = { ...stale, metadata: { name: 'm', uid: 'other' } }
  assert.match(
    refusal(await http.ask('PUT', `${MAPS}/m`, { body: foreign })).message ?? '',
    /Precondition failed: UID in precondition: other, UID in object meta: /,
  )
})

test('an update without a version overwrites a core object and is refused for a custom one and a lease', async (t) => {
  const { http } = await start(t)
  await http.ask('POST', MAPS, { body: map('m') })
  assert.equal((await http.ask('PUT', `${MAPS}/m`, { body: map('m', { data: { a: '2' } }) })).code, 200)
  await http.ask('POST', IDENTITIES, { body: identity('i') })
  const refused = refusal(await http.ask('PUT', `${IDENTITIES}/i`, { body: identity('i') }))
  assert.equal(refused.code, 422)
  assert.equal(
    refused.message,
    'azureidentities.aadpodidentity.k8s.io "i" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
  )
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'l' },
    spec: { holderIdentity: 'a' },
  }
  assert.equal((await http.ask('PUT', `${LEASES}/l`, { body: lease })).code, 201)
  assert.equal((await http.ask('PUT', `${LEASES}/l`, { body: lease })).code, 422)
  assert.equal((await http.ask('PUT', `${IDENTITIES}/none`, { body: identity('none') })).code, 404)
})

test("metadata of a new object is the server's own, and later writes cannot change it", async (t) => {
  const { http } = await start(t)
  const own = {
    name: 'i',
    uid: 'mine',
    creationTimestamp: '2001-01-01T00:00:00Z',
    generation: 7,
    deletionTimestamp: '2001-01-01T00:00:00Z',
  }
  const created = (await http.ask('POST', IDENTITIES, { body: identity('i', { metadata: own }) })).json()
  assert.notEqual(created.metadata?.uid, 'mine')
  assert.notEqual(created.metadata?.['creationTimestamp'], own.creationTimestamp)
  assert.equal(created.metadata?.['generation'], 1)
  assert.equal(created.metadata?.['deletionTimestamp'], undefined)
  const path = `${IDENTITIES}/i`
  const changed = await http.ask('PATCH', path, { contentType: MERGE, body: { spec: { type: 1 } } })
  assert.equal(changed.json().metadata?.['generation'], 2)
  const labelled = await http.ask('PATCH', path, {
    contentType: MERGE,
    body: { metadata: { labels: { a: 'b' } } },
  })
  assert.equal(labelled.json().metadata?.['generation'], 2)
  const nothing = await http.ask('PATCH', path, {
    contentType: MERGE,
    body: { metadata: { labels: { a: 'b' } } },
  })
  assert.equal(nothing.json().metadata?.resourceVersion, labelled.json().metadata?.resourceVersion)
  const renamed = await http.ask('PATCH', path, { contentType: MERGE, body: { metadata: { name: 'j' } } })
  assert.equal(renamed.code, 422)
  assert.match(
    refusal(
      await http.ask('POST', MAPS, { body: map('m', { metadata: { name: 'm', resourceVersion: '5' } }) }),
    ).message ?? '',
    /^resourceVersion should not be set on objects to be created$/,
  )
})

test('names, labels and pods that break the rules are refused with one cause per field', async (t) => {
  const { http } = await start(t)
  const bad = refusal(
    await http.ask('POST', PODS, {
      body: { ...pod('A_b'), metadata: { name: 'A_b', labels: { ok: 'not ok' } } },
    }),
  )
  assert.equal(bad.code, 422)
  assert.equal(bad.reason, 'Invalid')
  const causes = causesOf(bad)
  assert.deepEqual(
    causes.map(({ reason, field }) => `${reason} ${field}`),
    ['FieldValueInvalid metadata.name', 'FieldValueInvalid metadata.labels'],
  )
  assert.match(
    bad.message ?? '',
    /^Pod "A_b" is invalid: \[metadata\.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain must/,
  )
  const empty = refusal(await http.ask('POST', PODS, { body: pod('p', { containers: [] }) }))
  assert.equal(empty.message, 'Pod "p" is invalid: spec.containers: Required value')
  const nameless = refusal(await http.ask('POST', PODS, { body: pod('') }))
  assert.match(nameless.message ?? '', /metadata\.name: Required value: name or generateName is required/)
  const typed = refusal(await http.ask('POST', PODS, { body: pod('p', { hostNetwork: 'yes' }) }))
  assert.match(
    typed.message ?? '',
    /^Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field .*of type bool$/,
  )
  assert.equal(
    (await http.ask('POST', '/api/v1/namespaces/none/pods', { body: pod('p') })).json().message,
    'namespaces "none" not found',
  )
  const account = refusal(await http.ask('POST', PODS, { body: pod('p', { serviceAccountName: 'none' }) }))
  assert.equal(
    account.message,
    'pods "p" is forbidden: error looking up service account default/none: serviceaccount "none" not found',
  )
  const other = refusal(await http.ask('POST', PODS, { body: { ...map('m') } }))
  assert.match(other.message ?? '', /^ConfigMap in version "v1" cannot be handled as a Pod/)
})

test('the status of a pod is written only through its subresource, and that writes nothing else', async (t) => {
  const { http } = await start(t)
  const created = await http.ask('POST', PODS, { body: { ...pod('p'), status: { phase: 'Running' } } })
  assert.equal(created.json().status?.['phase'], 'Pending')
  await http.ask('PATCH', `${PODS}/p`, { contentType: MERGE, body: { status: { phase: 'Running' } } })
  assert.equal((await http.ask('GET', `${PODS}/p`)).json().status?.['phase'], 'Pending')
  const body = {
    status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] },
    spec: { nodeName: 'x' },
  }
  await http.ask('PATCH', `${PODS}/p/status`, { contentType: 'application/strategic-merge-patch+json', body })
  const after = (await http.ask('GET', `${PODS}/p`)).json()
  assert.deepEqual([after.status?.['phase'], after.spec?.['nodeName']], ['Running', undefined])
  const bound = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name: 'p' },
    target: { kind: 'Node', name: 'n' },
  }
  assert.equal((await http.ask('POST', `${PODS}/p/binding`, { body: bound })).code, 201)
  assert.equal((await http.ask('POST', `${PODS}/p/binding`, { body: bound })).code, 409)
  assert.equal((await http.ask('GET', `${PODS}/p`)).json().spec?.['nodeName'], 'n')
})

test('kinds without a status subresource keep the status that an old client writes with the whole object', async (t) => {
  const { http } = await start(t)
  const created = await http.ask('POST', ASSIGNED, { body: oldAssigned() })
  assert.equal(created.code, 201, created.text)
  assert.equal(created.json().status?.['status'], 'Created')
  const assigned = { ...created.json(), status: { ...created.json().status, status: 'Assigned' } }
  const updated = await http.ask('PUT', `${ASSIGNED}/shop-0-default-shop`, { body: assigned })
  assert.equal(updated.json().status?.['status'], 'Assigned')
  assert.equal(
    (await http.ask('PATCH', `${ASSIGNED}/shop-0-default-shop/status`, { contentType: MERGE, body: {} }))
      .code,
    404,
  )
  const reported = { status: { status: 'Created', reason: 'AssignmentFailed', message: 'no right' } }
  const patched = await http.ask('PATCH', `${ASSIGNED}/shop-0-default-shop`, {
    contentType: MERGE,
    body: reported,
  })
  assert.equal(patched.json().status?.['reason'], 'AssignmentFailed')
})

/** As MIC of AAD Pod Identity wrote it: nulls and empty metadata everywhere. */
function oldAssigned(): object {
  const metadata = { creationTimestamp: null }
  const status = { metadata, availableReplicas: 0 }
  const reference = {
    name: 'shop',
    namespace: 'default',
    uid: 'u',
    resourceVersion: '7',
    creationTimestamp: '2022-01-01T00:00:00Z',
  }
  return {
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzureAssignedIdentity',
    metadata: {
      name: 'shop-0-default-shop',
      namespace: 'default',
      creationTimestamp: null,
      labels: { nodename: 'node-0' },
      finalizers: ['azureassignedidentity.finalizers.aadpodidentity.k8s.io'],
    },
    spec: {
      metadata,
      azureIdentityRef: {
        kind: 'AzureIdentity',
        apiVersion: 'aadpodidentity.k8s.io/v1',
        metadata: reference,
        spec: {
          metadata,
          type: 0,
          resourceID: 'x',
          clientID: 'y',
          clientPassword: {},
          auxiliaryTenantIDs: null,
          replicas: null,
        },
        status,
      },
      azureBindingRef: {
        kind: 'AzureIdentityBinding',
        apiVersion: 'aadpodidentity.k8s.io/v1',
        metadata,
        spec: { metadata, azureIdentity: 'shop', selector: 'shop', weight: 0 },
        status,
      },
      pod: 'shop-0',
      podNamespace: 'default',
      nodename: 'node-0',
      replicas: null,
    },
    status: { metadata, status: 'Created', availableReplicas: 1 },
  }
}

test('unknown fields of a custom object are dropped, warned about or refused as the client asks', async (t) => {
  const { http } = await start(t)
  const wrong = identity('i', { spec: { type: 0, clientId: 'x', metadata: { kept: 'yes' } } })
  const strict = await http.ask('POST', `${IDENTITIES}?fieldValidation=Strict`, { body: wrong })
  assert.equal(strict.code, 400)
  assert.equal(
    strict.json().message,
    'AzureIdentity in version "v1" cannot be handled as a AzureIdentity: strict decoding error: unknown field "spec.clientId"',
  )
  const warned = await http.ask('POST', `${IDENTITIES}?fieldValidation=Warn`, { body: wrong })
  assert.equal(warned.headers['warning'], '299 - "unknown field \\"spec.clientId\\""')
  assert.deepEqual(warned.json().spec, { type: 0, metadata: { kept: 'yes' } })
  const patched = await http.ask('PATCH', `${IDENTITIES}/i?fieldValidation=Strict`, {
    contentType: MERGE,
    body: { spec: { no: 1 } },
  })
  assert.equal(patched.code, 422)
  assert.match(
    patched.json().message ?? '',
    /^ "" is invalid: patch: Invalid value: .*: strict decoding error: unknown field "spec\.no"$/,
  )
  const mistyped = refusal(
    await http.ask('POST', IDENTITIES, {
      body: identity('b', { spec: { type: 'zero', auxiliaryTenantIDs: null, clientID: null } }),
    }),
  )
  assert.deepEqual(
    causesOf(mistyped).map((each) => `${each.field}: ${each.message}`),
    [
      'spec.type: Invalid value: "string": spec.type in body must be of type integer: "string"',
      'spec.clientID: Invalid value: "null": spec.clientID in body must be of type string: "null"',
    ],
  )
})

test('patches that do not fit are refused: unknown media type, wrong operation, apply without a manager', async (t) => {
  const { http } = await start(t)
  await http.ask('POST', IDENTITIES, { body: identity('i') })
  const path = `${IDENTITIES}/i`
  const strategic = await http.ask('PATCH', path, {
    contentType: 'application/strategic-merge-patch+json',
    body: {},
  })
  assert.equal(strategic.code, 415)
  assert.equal(strategic.json().reason, 'UnsupportedMediaType')
  const json = 'application/json-patch+json'
  const tested = await http.ask('PATCH', path, {
    contentType: json,
    body: [{ op: 'test', path: '/spec/type', value: 5 }],
  })
  assert.equal(tested.code, 422)
  const replaced = await http.ask('PATCH', path, {
    contentType: json,
    body: [{ op: 'replace', path: '/spec/none', value: 5 }],
  })
  assert.equal(replaced.code, 422)
  const apply = await http.ask('PATCH', path, {
    contentType: 'application/apply-patch+yaml',
    body: identity('i'),
  })
  assert.equal(
    apply.json().message,
    'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  )
  const typo = identity('i', { spec: { typ: 0 } })
  const undeclared = await http.ask('PATCH', `${path}?fieldManager=a`, {
    contentType: 'application/apply-patch+yaml',
    body: typo,
  })
  assert.equal(undeclared.code, 500)
  assert.equal(
    undeclared.json().message,
    'failed to create typed patch object (default/i; aadpodidentity.k8s.io/v1, Kind=AzureIdentity): .spec.typ: field not declared in schema',
  )
  const forced = await http.ask('PATCH', `${path}?force=true`, { contentType: MERGE, body: {} })
  assert.match(forced.json().message ?? '', /force: Forbidden: may not be specified for non-apply patch/)
})

test('deletion answers with the object while finalizers hold it and with a Status when it is gone', async (t) => {
  const { http } = await start(t)
  await http.ask('POST', IDENTITIES, {
    body: identity('i', { metadata: { name: 'i', finalizers: ['a.example/b'] } }),
  })
  const marked = await http.ask('DELETE', `${IDENTITIES}/i`)
  assert.equal(marked.json().kind, 'AzureIdentity')
  assert.equal(marked.json().metadata?.['generation'], 2)
  const added = await http.ask('PATCH', `${IDENTITIES}/i`, {
    contentType: MERGE,
    body: { metadata: { finalizers: ['a.example/b', 'a.example/c'] } },
  })
  assert.match(
    added.json().message ?? '',
    /metadata\.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers \[\]string\{"a\.example\/c"\}/,
  )
  await http.ask('PATCH', `${IDENTITIES}/i`, { contentType: MERGE, body: { metadata: { finalizers: null } } })
  assert.equal((await http.ask('GET', `${IDENTITIES}/i`)).code, 404)
  const created = (await http.ask('POST', IDENTITIES, { body: identity('j') })).json()
  const wrong = await http.ask('DELETE', `${IDENTITIES}/j`, { body: { preconditions: { uid: 'other' } } })
  assert.equal(wrong.code, 409)
  assert.match(
    wrong.json().message ?? '',
    /the UID in the precondition \(other\) does not match the UID in record/,
  )
  const gone = (await http.ask('DELETE', `${IDENTITIES}/j`)).json()
  assert.deepEqual(
    [gone.kind, gone['status'], gone.details],
    [
      'Status',
      'Success',
      { name: 'j', group: 'aadpodidentity.k8s.io', kind: 'azureidentities', uid: created.metadata?.uid },
    ],
  )
  await http.ask('POST', IDENTITIES, { body: identity('k', { metadata: { name: 'k', labels: { a: 'b' } } }) })
  await http.ask('POST', IDENTITIES, { body: identity('l') })
  const collection = await http.ask('DELETE', `${IDENTITIES}?labelSelector=a%3Db`)
  assert.deepEqual(
    collection.json().items?.map((each) => each.metadata?.name),
    ['k'],
  )
  assert.equal((await http.ask('GET', IDENTITIES)).json().items?.length, 1)
})

test('who has no token is anonymous, a wrong one is 401, and rights come from roles and resource names', async (t) => {
  const { kube, http } = await start(t, { users: [{ name: 'jo', token: 'jo-token' }] })
  assert.deepEqual(refusal(await http.ask('GET', PODS, { token: 'wrong' })), {
    code: 401,
    reason: 'Unauthorized',
    message: 'Unauthorized',
    details: undefined,
  })
  const anonymous = refusal(await http.ask('GET', PODS, { token: '' }))
  assert.equal(
    anonymous.message,
    'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "default"',
  )
  assert.equal((await http.ask('GET', '/healthz', { token: '' })).text, 'ok')
  assert.equal(
    refusal(await http.ask('GET', '/metrics', { token: '' })).message,
    'forbidden: User "system:anonymous" cannot get path "/metrics"',
  )
  const rbac = 'rbac.authorization.k8s.io'
  kube.load([
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: { name: 'r', namespace: 'default' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['m'], verbs: ['get', 'list'] }],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'r', namespace: 'default' },
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'r' },
      subjects: [{ kind: 'User', apiGroup: rbac, name: 'jo' }],
    },
    map('m') as Record<string, unknown>,
  ])
  const token = 'jo-token'
  assert.equal((await http.ask('GET', `${MAPS}/m`, { token })).code, 200)
  assert.equal((await http.ask('GET', `${MAPS}?fieldSelector=metadata.name%3Dm`, { token })).code, 200)
  assert.equal((await http.ask('GET', MAPS, { token })).code, 403)
  assert.equal(
    refusal(await http.ask('GET', `${MAPS}/other`, { token })).message,
    'configmaps "other" is forbidden: User "jo" cannot get resource "configmaps" in API group "" in the namespace "default"',
  )
  assert.equal(
    refusal(await http.ask('GET', '/api/v1/nodes', { token })).message,
    'nodes is forbidden: User "jo" cannot list resource "nodes" in API group "" at the cluster scope',
  )
})

const ACCOUNTS = '/api/v1/namespaces/default/serviceaccounts'

/** The parts of a JWT, its head and claims read. */
function readToken(token: string): { head: Json; claims: Json; signed: Buffer; signature: Buffer } {
  const [head = '', claims = '', signature = ''] = token.split('.')
  const read = (part: string): Json => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json
  const signed = Buffer.from(`${head}.${claims}`)
  return { head: read(head), claims: read(claims), signed, signature: Buffer.from(signature, 'base64url') }
}

async function requestToken(http: KubeHttp, spec: object): Promise<string> {
  const reply = await http.ask('POST', `${ACCOUNTS}/default/token`, { body: { spec } })
  assert.equal(reply.code, 201, reply.text)
  return String(reply.json().status?.['token'])
}

test('a service account token carries the claims of a real one, and the published key verifies it', async (t) => {
  const { kube, http } = await start(t)
  kube.load([
    pod('p', { nodeName: 'n' }) as Record<string, unknown>,
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'node-uid' } },
  ])
  const uid = kube.objects('pods')[0]?.metadata.uid
  const account = kube.objects('serviceaccounts').find((each) => each.metadata.namespace === 'default')
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid }
  const audiences = ['api://AzureADTokenExchange']
  const { head, claims, signed, signature } = readToken(
    await requestToken(http, { audiences, expirationSeconds: 3600, boundObjectRef }),
  )
  const { aud, sub, iss, 'kubernetes.io': details } = claims
  assert.deepEqual(
    { aud, sub, iss },
    { aud: audiences, sub: 'system:serviceaccount:default:default', iss: kube.issuer },
  )
  assert.deepEqual(details, {
    namespace: 'default',
    node: { name: 'n', uid: 'node-uid' },
    pod: { name: 'p', uid },
    serviceaccount: { name: 'default', uid: account?.metadata.uid },
  })
  assert.equal(Number(claims['exp']) - Number(claims['iat']), 3600)
  const [key] = (await http.ask('GET', '/openid/v1/jwks')).json()['keys'] as {
    kid: string
    kty: string
    n: string
    e: string
  }[]
  assert.ok(key !== undefined)
  assert.equal(head['kid'], key.kid)
  assert.ok(verify('RSA-SHA256', signed, createPublicKey({ key, format: 'jwk' }), signature))
  const discovery = (await http.ask('GET', '/.well-known/openid-configuration')).json()
  assert.deepEqual([discovery['issuer'], discovery['jwks_uri']], [kube.issuer, `${kube.url}/openid/v1/jwks`])
})

test('a service account token opens the API only with its audience and while its pod lives', async (t) => {
  const { kube, http } = await start(t)
  kube.load([pod('p', { nodeName: 'n' }) as Record<string, unknown>])
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'p' }
  const foreign = await requestToken(http, { audiences: ['elsewhere'] })
  assert.equal((await http.ask('GET', PODS, { token: foreign })).code, 401)
  const token = await requestToken(http, { boundObjectRef })
  assert.equal((await http.ask('GET', PODS, { token })).code, 403)
  const tampered = `${token.slice(0, -8)}AAAAAAAA`
  assert.equal((await http.ask('GET', PODS, { token: tampered })).code, 401)
  kube.remove('pods', 'default/p')
  assert.equal((await http.ask('GET', PODS, { token })).code, 401)
  const short = await http.ask('POST', `${ACCOUNTS}/default/token`, {
    body: { spec: { expirationSeconds: 60 } },
  })
  assert.match(
    refusal(short).message ?? '',
    /spec\.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes/,
  )
  assert.equal((await http.ask('POST', `${ACCOUNTS}/none/token`, { body: {} })).code, 404)
})

test('a definition is served when it is established, and its objects go with it', async (t) => {
  const { http } = await start(t)
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const things = '/apis/shop.example/v1/things'
  const schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        required: ['size'],
        properties: {
          size: { type: 'integer', minimum: 1, default: 3 },
          colour: { type: 'string', enum: ['red', 'blue'] },
        },
      },
    },
  }
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.shop.example' },
    spec: {
      group: 'shop.example',
      scope: 'Cluster',
      names: { plural: 'things', kind: 'Thing' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: { status: {} },
        },
      ],
    },
  }
  assert.equal((await http.ask('GET', things)).text, '404 page not found\n')
  const unapproved = {
    ...crd,
    metadata: { name: 'things.x.k8s.io' },
    spec: { ...crd.spec, group: 'x.k8s.io' },
  }
  assert.match(
    refusal(await http.ask('POST', crds, { body: unapproved })).message ?? '',
    /protected groups must have approval annotation "api-approved\.kubernetes\.io"/,
  )
  assert.equal((await http.ask('POST', crds, { body: crd })).code, 201)
  const watch = await http.watch(`${crds}?watch=1&fieldSelector=metadata.name%3Dthings.shop.example`)
  for (let event = await watch.next(); !JSON.stringify(event?.object.status).includes('"Established"'); )
    event = await watch.next()
  watch.close()
  const made = await http.ask('POST', things, {
    body: {
      apiVersion: 'shop.example/v1',
      kind: 'Thing',
      metadata: { name: 'a' },
      spec: {},
      status: { x: 1 },
    },
  })
  assert.deepEqual([made.json().spec, made.json().status], [{ size: 3 }, undefined])
  const wrong = await http.ask('PATCH', `${things}/a`, {
    contentType: MERGE,
    body: { spec: { size: 0, colour: 'green' } },
  })
  assert.match(
    wrong.json().message ?? '',
    /spec\.size in body should be greater than or equal to 1.*Unsupported value: "green": supported values: "red", "blue"/,
  )
  assert.equal(
    (await http.ask('PATCH', `${things}/a/status`, { contentType: MERGE, body: { status: {} } })).code,
    200,
  )
  await http.ask('DELETE', `${crds}/things.shop.example`)
  for (let code = 200; code !== 404; ) code = (await http.ask('GET', `${crds}/things.shop.example`)).code
  assert.equal((await http.ask('GET', things)).code, 404)
})
