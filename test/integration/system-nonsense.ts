import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GROUP_VERSION } from '../../src/model/names.ts'
import { bindingManifest, GROUP, identityManifest, type Manifest } from '../harness/system-manifests.ts'
import type { System } from '../harness/system-world.ts'
import { refusal } from './system-chain.ts'

/** One nonsense each, and the field that must be named. All of it lies in storage, past any schema. */
const NONSENSE: readonly (readonly [name: string, spec: Record<string, unknown>, named: RegExp])[] = [
  ['type-is-a-text', { type: 'user-assigned' }, /type: must be 0/],
  ['type-is-unknown', { type: 7 }, /type: must be 0/],
  ['id-is-a-number', { resourceID: 42 }, /resourceID: must be a text/],
  ['id-is-missing', { resourceID: null }, /resourceID: is missing/],
  ['id-is-of-a-vm', { resourceID: '/subscriptions/a/resourceGroups/b/x' }, /resourceID: must be/],
  ['id-climbs', { resourceID: '/subscriptions/../../metadata?x=%00' }, /resourceID: must be/],
  ['client-is-a-list', { clientID: ['a'] }, /clientID: must be a text/],
  ['client-is-no-guid', { clientID: 'a\r\nSet-Cookie: b' }, /clientID: must be a client id/],
  [
    'secret-is-a-text',
    { type: 1, tenantID: 'x', clientPassword: 'secret' },
    /clientPassword: must be an object/,
  ],
  ['tenant-climbs', { type: 1, tenantID: '../../x', clientPassword: { name: 's' } }, /tenantID: must be/],
  ['endpoint-is-http', { adEndpoint: 'http://login.example' }, /adEndpoint: must be an https/],
  ['tenants-are-a-map', { auxiliaryTenantIDs: { a: 1 } }, /auxiliaryTenantIDs: must be a list/],
]

/** Loads all the nonsense; MIC waits some seconds before it tells of a chain that may be on its way. */
export function loadNonsense(world: System): void {
  for (const [name, spec] of NONSENSE) {
    world.load(identityManifest(name, spec), bindingManifest(name))
    world.pod(name, name)
  }
  const custom = (kind: string, name: string, rest: Record<string, unknown>): Manifest => ({
    apiVersion: GROUP_VERSION,
    kind,
    metadata: { name, namespace: 'default' },
    ...rest,
  })
  world.load(
    custom('AzureIdentityBinding', 'no-spec', {}),
    custom('AzureIdentityBinding', 'spec-is-a-list', { spec: [1, 2] }),
    custom('AzureIdentityBinding', 'selector-is-a-number', {
      spec: { azureIdentity: 'good', selector: 5 },
    }),
    custom('AzureIdentityBinding', 'identity-is-a-map', { spec: { azureIdentity: {}, selector: 'odd' } }),
    custom('AzureAssignedIdentity', 'no-spec', {}),
    custom('AzureAssignedIdentity', 'odd', {
      spec: { pod: 7, podNamespace: [], nodename: {}, azureIdentityRef: 'x', azureBindingRef: null },
      status: 'Assigned',
    }),
    custom('AzureAssignedIdentity', 'claims-a-pod', {
      spec: { pod: 'odd', podNamespace: 'default', nodename: 'pool-0' },
      status: { status: 'Assigned' },
    }),
    custom('AzurePodIdentityException', 'no-spec', {}),
    custom('AzurePodIdentityException', 'labels-are-a-list', { spec: { podLabels: ['app'] } }),
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'odd' }, spec: { providerID: 'azure://%00/..' } },
  )
  world.pod('odd', 'odd')
}

export function testNonsense(system: () => System): void {
  test('nonsense in any field of an AzureIdentity is told to its pods by the field, in an Event too, and stops nobody', async () => {
    const world = system()
    const pods = NONSENSE.map(([name]) => world.pod(name, name))
    for (const [index, [name, , named]] of NONSENSE.entries()) {
      assert.match(await world.event(name, 'IdentityInvalid'), named)
      const answer = await pods[index]?.token()
      assert.ok(answer !== undefined)
      const { status, text } = refusal(answer)
      assert.equal(status, 403, name)
      assert.match(text, named, name)
    }
    await stillWorks(world, 'beside nonsense identities')
  })

  test('nonsense in bindings, assigned identities, exceptions, nodes and pods stops nobody', async () => {
    const world = system()
    const pod = world.pod('odd', 'odd')
    assert.match(await world.event('odd', 'IdentityMissing'), /azureIdentity: must be a text/)
    assert.equal(refusal(await pod.token()).status, 403)
    await stillWorks(world, 'beside nonsense of all kinds')
    // What nobody can use must not outlive the tests as an assignment of a pod.
    for (const name of ['no-spec', 'odd', 'claims-a-pod'])
      world.kube.remove('azureassignedidentities', `default/${name}`, GROUP)
  })
}

/** Both components run, and a token that is in no cache comes at once. */
export async function stillWorks(world: System, about: string): Promise<void> {
  assert.ok(world.nmi.running && world.mic.running, about)
  const name = `works-${about.replaceAll(' ', '-')}`
  const pod = world.pod(name, 'good')
  await world.assigned(name)
  let answer = await pod.token({ resource: `https://${name}.example` })
  // The object may be younger than what the agent's watch, just taken up again, has told it.
  while (answer.text.includes('not-assigned-yet'))
    answer = await pod.token({ resource: `https://${name}.example` })
  assert.equal(answer.status, 200, answer.text)
}
