/** Creates and updates: status codes, Status objects and conflict rules. */
import assert from 'node:assert/strict'
import { causesOf, identity, map, pod, RULES_NOT_CHECKED, refusal } from './case-objects.ts'
import { type KubeCase, MERGE } from './case-world.ts'

/** As MIC of AAD Pod Identity wrote it: nulls and empty metadata everywhere. */
function oldAssigned(namespace: string): object {
  const metadata = { creationTimestamp: null }
  const status = { metadata, availableReplicas: 0 }
  const reference = {
    name: 'shop',
    namespace,
    uid: 'u',
    resourceVersion: '7',
    creationTimestamp: '2022-01-01T00:00:00Z',
  }
  return {
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzureAssignedIdentity',
    metadata: {
      name: 'shop-0-default-shop',
      namespace,
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
      podNamespace: namespace,
      nodename: 'node-0',
      replicas: null,
    },
    status: { metadata, status: 'Created', availableReplicas: 1 },
  }
}

export const WRITE_CASES: readonly KubeCase[] = [
  {
    name: 'a missing, an existing and a stale object are refused with the Status of a real server',
    async run(world) {
      const { http } = world
      const identities = world.path('azureidentities')
      const maps = world.path('configmaps')
      assert.deepEqual(refusal(await http.ask('GET', `${identities}/shop`)), {
        code: 404,
        reason: 'NotFound',
        message: 'azureidentities.aadpodidentity.k8s.io "shop" not found',
        details: { name: 'shop', group: 'aadpodidentity.k8s.io', kind: 'azureidentities' },
      })
      const created = await http.ask('POST', maps, { body: map('m') })
      assert.equal(created.code, 201)
      assert.deepEqual(refusal(await http.ask('POST', maps, { body: map('m') })), {
        code: 409,
        reason: 'AlreadyExists',
        message: 'configmaps "m" already exists',
        details: { name: 'm', kind: 'configmaps' },
      })
      const stale = created.json()
      await http.ask('PUT', `${maps}/m`, { body: { ...stale, data: { a: '1' } } })
      assert.deepEqual(refusal(await http.ask('PUT', `${maps}/m`, { body: stale })), {
        code: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on configmaps "m": the object has been modified; please apply your changes to the latest version and try again',
        details: { name: 'm', kind: 'configmaps' },
      })
      const foreign = { ...stale, metadata: { name: 'm', uid: 'other' } }
      assert.match(
        refusal(await http.ask('PUT', `${maps}/m`, { body: foreign })).message ?? '',
        /Precondition failed: UID in precondition: other, UID in object meta: /,
      )
    },
  },
  {
    name: 'an update without a version overwrites a core object and is refused for a custom one and a lease',
    async run(world) {
      const { http } = world
      const leases = world.path('leases')
      const identities = world.path('azureidentities')
      const maps = world.path('configmaps')
      await http.ask('POST', maps, { body: map('m') })
      assert.equal((await http.ask('PUT', `${maps}/m`, { body: map('m', { data: { a: '2' } }) })).code, 200)
      await http.ask('POST', identities, { body: identity('i') })
      const refused = refusal(await http.ask('PUT', `${identities}/i`, { body: identity('i') }))
      assert.equal(refused.code, 422)
      assert.equal(
        refused.message,
        'azureidentities.aadpodidentity.k8s.io "i" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
      )
      const lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'l' },
        spec: { holderIdentity: 'a' },
      }
      assert.equal((await http.ask('PUT', `${leases}/l`, { body: lease })).code, 201)
      assert.equal((await http.ask('PUT', `${leases}/l`, { body: lease })).code, 422)
      assert.equal((await http.ask('PUT', `${identities}/none`, { body: identity('none') })).code, 404)
    },
  },
  {
    name: "metadata of a new object is the server's own, and later writes cannot change it",
    async run(world) {
      const { http } = world
      const identities = world.path('azureidentities')
      const maps = world.path('configmaps')
      const own = {
        name: 'i',
        uid: 'mine',
        creationTimestamp: '2001-01-01T00:00:00Z',
        generation: 7,
        deletionTimestamp: '2001-01-01T00:00:00Z',
      }
      const created = (await http.ask('POST', identities, { body: identity('i', { metadata: own }) })).json()
      assert.notEqual(created.metadata?.uid, 'mine')
      assert.notEqual(created.metadata?.['creationTimestamp'], own.creationTimestamp)
      assert.equal(created.metadata?.['generation'], 1)
      assert.equal(created.metadata?.['deletionTimestamp'], undefined)
      const path = `${identities}/i`
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
      assert.equal(
        refusal(renamed).message,
        'the name of the object (j) does not match the name on the URL (i)',
      )
      assert.match(
        refusal(
          await http.ask('POST', maps, { body: map('m', { metadata: { name: 'm', resourceVersion: '5' } }) }),
        ).message ?? '',
        /^resourceVersion should not be set on objects to be created$/,
      )
    },
  },
  {
    name: 'names, labels and pods that break the rules are refused with one cause per field',
    async run(world) {
      const { http } = world
      const pods = world.path('pods')
      const bad = refusal(
        await http.ask('POST', pods, {
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
      const empty = refusal(await http.ask('POST', pods, { body: pod('p', { containers: [] }) }))
      assert.equal(empty.message, 'Pod "p" is invalid: spec.containers: Required value')
      const nameless = refusal(await http.ask('POST', pods, { body: pod('') }))
      assert.match(nameless.message ?? '', /metadata\.name: Required value: name or generateName is required/)
      const typed = refusal(await http.ask('POST', pods, { body: pod('p', { hostNetwork: 'yes' }) }))
      assert.match(
        typed.message ?? '',
        /^Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field .*of type bool$/,
      )
      assert.equal(
        (await http.ask('POST', '/api/v1/namespaces/none/pods', { body: pod('p') })).json().message,
        'namespaces "none" not found',
      )
      const account = refusal(
        await http.ask('POST', pods, { body: pod('p', { serviceAccountName: 'none' }) }),
      )
      assert.equal(
        account.message,
        `pods "p" is forbidden: error looking up service account ${world.namespace}/none: serviceaccount "none" not found`,
      )
      const other = refusal(await http.ask('POST', pods, { body: { ...map('m') } }))
      assert.match(other.message ?? '', /^ConfigMap in version "v1" cannot be handled as a Pod/)
    },
  },
  {
    name: 'the status of a pod is written only through its subresource, and that writes nothing else',
    async run(world) {
      const { http } = world
      const pods = world.path('pods')
      const created = await http.ask('POST', pods, { body: { ...pod('p'), status: { phase: 'Running' } } })
      assert.equal(created.json().status?.['phase'], 'Pending')
      await http.ask('PATCH', `${pods}/p`, { contentType: MERGE, body: { status: { phase: 'Running' } } })
      assert.equal((await http.ask('GET', `${pods}/p`)).json().status?.['phase'], 'Pending')
      const body = {
        status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] },
        spec: { nodeName: 'x' },
      }
      await http.ask('PATCH', `${pods}/p/status`, {
        contentType: 'application/strategic-merge-patch+json',
        body,
      })
      const after = (await http.ask('GET', `${pods}/p`)).json()
      assert.deepEqual([after.status?.['phase'], after.spec?.['nodeName']], ['Running', undefined])
      const bound = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: 'p' },
        target: { kind: 'Node', name: 'n' },
      }
      assert.equal((await http.ask('POST', `${pods}/p/binding`, { body: bound })).code, 201)
      assert.equal((await http.ask('POST', `${pods}/p/binding`, { body: bound })).code, 409)
      assert.equal((await http.ask('GET', `${pods}/p`)).json().spec?.['nodeName'], 'n')
    },
  },
  {
    name: 'kinds without a status subresource keep the status that an old client writes with the whole object',
    async run(world) {
      const { http } = world
      const assigned = world.path('azureassignedidentities')
      const created = await http.ask('POST', assigned, { body: oldAssigned(world.namespace) })
      assert.equal(created.code, 201, created.text)
      assert.equal(created.json().status?.['status'], 'Created')
      const told = { ...created.json(), status: { ...created.json().status, status: 'Assigned' } }
      const updated = await http.ask('PUT', `${assigned}/shop-0-default-shop`, { body: told })
      assert.equal(updated.json().status?.['status'], 'Assigned')
      assert.equal(
        (await http.ask('PATCH', `${assigned}/shop-0-default-shop/status`, { contentType: MERGE, body: {} }))
          .code,
        404,
      )
      const reported = { status: { status: 'Created', reason: 'AssignmentFailed', message: 'no right' } }
      const patched = await http.ask('PATCH', `${assigned}/shop-0-default-shop`, {
        contentType: MERGE,
        body: reported,
      })
      assert.equal(patched.json().status?.['reason'], 'AssignmentFailed')
    },
  },
  {
    name: 'unknown fields of a custom object are dropped, warned about or refused as the client asks',
    async run(world) {
      const { http } = world
      const identities = world.path('azureidentities')
      const wrong = identity('i', { spec: { type: 0, clientId: 'x', metadata: { kept: 'yes' } } })
      const strict = await http.ask('POST', `${identities}?fieldValidation=Strict`, { body: wrong })
      assert.equal(strict.code, 400)
      assert.equal(
        strict.json().message,
        'AzureIdentity in version "v1" cannot be handled as a AzureIdentity: strict decoding error: unknown field "spec.clientId"',
      )
      const warned = await http.ask('POST', `${identities}?fieldValidation=Warn`, { body: wrong })
      assert.equal(warned.headers['warning'], '299 - "unknown field \\"spec.clientId\\""')
      assert.deepEqual(warned.json().spec, { type: 0, metadata: { kept: 'yes' } })
      const patched = await http.ask('PATCH', `${identities}/i?fieldValidation=Strict`, {
        contentType: MERGE,
        body: { spec: { no: 1 } },
      })
      assert.equal(patched.code, 422)
      assert.match(
        patched.json().message ?? '',
        /^ "" is invalid: patch: Invalid value: .*: strict decoding error: unknown field "spec\.no"$/,
      )
      const mistyped = refusal(
        await http.ask('POST', identities, {
          body: identity('b', { spec: { type: 'zero', auxiliaryTenantIDs: null, clientID: null } }),
        }),
      )
      assert.deepEqual(
        causesOf(mistyped).map((each) => `${each.field}: ${each.message}`),
        [
          'spec.type: Invalid value: "string": spec.type in body must be of type integer: "string"',
          `<nil>: ${RULES_NOT_CHECKED}`,
        ],
      )
    },
  },
]
