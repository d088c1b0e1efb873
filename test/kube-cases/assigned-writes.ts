import assert from 'node:assert/strict'
import { systemClock } from '../../src/base/clock.ts'
import type { KubeConnection } from '../../src/kube/connection.ts'
import { createObjectWriter } from '../../src/kube/object-writer.ts'
import { azureAssignedIdentities } from '../../src/kube/resources/azure-assigned-identities.ts'
import type { AssignedIdentityDraft } from '../../src/model/assigned.ts'
import type { AzureAssignedIdentity } from '../../src/model/resources.ts'
import type { Json } from '../harness/kube-http.ts'
import { makeAssigned, makeBinding, makeIdentity } from '../make/objects.ts'
import { NEVER } from './client-room.ts'

/** An AzureAssignedIdentity to be written. */
export function draftIn(namespace: string, state: 'Created' | 'Assigned'): AssignedIdentityDraft {
  const { name, pod, podNamespace, nodeName } = makeAssigned()
  const status = { state, reason: '', message: '' }
  const parts = { identity: makeIdentity(), binding: makeBinding() }
  return { namespace, name, pod, podNamespace, nodeName, ...parts, status }
}

/**
 * The whole life of an AzureAssignedIdentity: written, told its status, renewed, taken away.
 * @param items all AzureAssignedIdentities of the namespace as they stand on the server.
 */
export async function liveAssigned(
  connection: KubeConnection,
  namespace: string,
  items: () => Promise<readonly Json[]>,
): Promise<void> {
  const writer = createObjectWriter(connection, systemClock)
  const stored = async (): Promise<AzureAssignedIdentity | undefined> => {
    const [object] = await items()
    return object === undefined ? undefined : azureAssignedIdentities().project(object)
  }
  const statusOf = async () => {
    const object = await stored()
    return [object?.state, object?.reason, object?.message]
  }
  const created = await writer.create(draftIn(namespace, 'Created'), NEVER)
  assert.ok(created.outcome === 'done')
  assert.deepEqual((await stored())?.problems, [])
  assert.equal((await stored())?.state, 'Created')
  assert.equal((await stored())?.resourceVersion, created.resourceVersion)
  assert.equal((await writer.create(draftIn(namespace, 'Created'), NEVER)).outcome, 'conflict')

  const ref = { ...makeAssigned(), namespace, uid: created.uid, resourceVersion: created.resourceVersion }
  // A writer that has just started does not know yet whether the server keeps the status apart.
  const waiting = { state: 'Created', reason: 'assignment-failed', message: 'why' } as const
  const noted = await createObjectWriter(connection, systemClock).patchStatus(ref, waiting, NEVER)
  assert.ok(noted.outcome === 'done')
  assert.deepEqual(await statusOf(), ['Created', 'assignment-failed', 'why'])
  const status = { state: 'Assigned', reason: 'r', message: 'm' } as const
  const told = await writer.patchStatus({ ...ref, resourceVersion: noted.resourceVersion }, status, NEVER)
  assert.ok(told.outcome === 'done')
  assert.deepEqual(await statusOf(), ['Assigned', 'r', 'm'])
  assert.equal((await writer.patchStatus(ref, status, NEVER)).outcome, 'conflict', 'the version is old')

  const changed = {
    ...draftIn(namespace, 'Created'),
    identity: makeIdentity({ type: 1, tenantId: 't', clientPassword: { namespace: 'n', name: 's' } }),
  }
  assert.equal((await writer.replace(ref, changed, NEVER)).outcome, 'conflict')
  const renewed = await writer.replace({ ...ref, resourceVersion: told.resourceVersion }, changed, NEVER)
  assert.ok(renewed.outcome === 'done')
  assert.deepEqual((await stored())?.identity.clientPassword, { namespace: 'n', name: 's' })
  const newest = { ...ref, resourceVersion: renewed.resourceVersion }
  const back = await writer.replace(newest, draftIn(namespace, 'Created'), NEVER)
  assert.ok(back.outcome === 'done')
  assert.equal((await stored())?.identity.clientPassword, undefined, 'nothing of the old spec is left')
  assert.equal((await stored())?.state, 'Created')

  const stranger = { ...ref, uid: '11111111-0000-0000-0000-000000000000' }
  assert.equal((await writer.delete(stranger, NEVER)).outcome, 'gone')
  assert.equal((await writer.removeFinalizer(stranger, NEVER)).outcome, 'gone')
  assert.equal((await writer.delete(ref, NEVER)).outcome, 'done')
  assert.equal((await stored())?.deleting, true)
  assert.equal((await writer.removeFinalizer(ref, NEVER)).outcome, 'done')
  assert.equal(await stored(), undefined)
  assert.equal((await writer.delete(ref, NEVER)).outcome, 'gone')
  assert.equal((await writer.removeFinalizer(ref, NEVER)).outcome, 'gone')
  assert.equal((await writer.patchStatus(ref, status, NEVER)).outcome, 'gone')
}
