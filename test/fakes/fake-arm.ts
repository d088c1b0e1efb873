import assert from 'node:assert/strict'
import {
  ArmError,
  type ArmFault,
  type ArmLogin,
  type GroupIdentities,
  type IdentityPatch,
  type PresentIdentity,
} from '../../src/azure/arm.ts'
import type { Clock } from '../../src/base/clock.ts'
import { sleep } from '../../src/base/deadline.ts'
import type { Arm } from '../../src/mic/arm.ts'
import {
  type ComputeGroup,
  canonicalResourceId,
  type ManagedIdentityId,
} from '../../src/model/resource-id.ts'

/** Longest `readLagMs` that has an effect. */
const LONGEST_LAG_MS = 10 * 60_000

/** A VM or scale set of the fake. */
export interface FakeGroup {
  systemAssigned: boolean
  /** By canonical id, as a look would show it. */
  readonly identities: Map<string, PresentIdentity>
  provisioningState: string
}

interface FakeIdentity extends PresentIdentity {
  permitted: boolean
}

export interface ArmCall {
  readonly kind: 'get' | 'patch' | 'identity'
  readonly target: string
  readonly patch?: IdentityPatch
}

/**
 * ARM in memory, with the rules that matter to MIC: merge of the identity block, one operation at a time
 * for each VM or scale set, whole requests refused because of one identity, at most 150 keys. It checks
 * every request and fails the test on one that the real ARM would refuse as malformed.
 */
export class FakeArm implements Arm {
  readonly #clock: Clock
  readonly groups = new Map<string, FakeGroup>()
  readonly identities = new Map<string, FakeIdentity>()
  readonly calls: ArmCall[] = []
  /** Milliseconds that a PATCH takes. */
  patchMs = 1_000
  getMs = 10
  /** A GET shows the state of so many milliseconds ago. */
  readLagMs = 0
  /** May MIC read identity resources at all? */
  mayReadIdentities = true
  /** All culprits in one message, or only the first as ARM mostly does. */
  namesAll = false
  loginAs: ArmLogin = { clientId: '', objectId: '0b1ec7ed-0000-4000-8000-000000000001', resourceId: '' }
  /** Called with each call before it has effect; throws to make it fail. */
  beforeCall: (call: ArmCall) => void = () => {}
  /** Called after the effect and before the answer. */
  afterCall: (call: ArmCall) => void = () => {}
  readonly #busy = new Set<string>()
  /** What groups held until so and so (monotonic): for a GET that lags. */
  readonly #past: {
    readonly group: FakeGroup
    readonly until: number
    readonly identities: FakeGroup['identities']
  }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  addGroup(id: string, identities: Iterable<string> = []): FakeGroup {
    const group: FakeGroup = {
      systemAssigned: false,
      identities: new Map(),
      provisioningState: 'Succeeded',
    }
    for (const each of identities) {
      const key = canonicalResourceId(each)
      group.identities.set(key, this.#principalOf(key))
    }
    this.groups.set(canonicalResourceId(id), group)
    return group
  }

  addIdentity(id: string, clientId: string, permitted = true): void {
    const key = canonicalResourceId(id)
    const principalId = clientId.replace(/^......../, 'f00df00d')
    this.identities.set(key, { clientId, principalId, permitted })
  }

  deleteIdentity(id: string): void {
    this.identities.delete(canonicalResourceId(id))
  }

  permit(id: string, permitted: boolean): void {
    const identity = this.identities.get(canonicalResourceId(id))
    assert.ok(identity !== undefined)
    identity.permitted = permitted
  }

  identitiesOf(groupId: string): string[] {
    return [...(this.groups.get(canonicalResourceId(groupId))?.identities.keys() ?? [])].sort()
  }

  patches(): IdentityPatch[] {
    return this.calls.flatMap((call) => (call.patch === undefined ? [] : [call.patch]))
  }

  count(kind: ArmCall['kind']): number {
    return this.calls.filter((call) => call.kind === kind).length
  }

  login(): ArmLogin {
    return this.loginAs
  }

  async getGroup(group: ComputeGroup, signal: AbortSignal): Promise<GroupIdentities> {
    const call = this.#begin({ kind: 'get', target: group.id })
    await sleep(this.#clock, this.getMs, signal)
    const found = this.#group(group.id)
    const seenAt = this.#clock.monotonic() - this.readLagMs
    const old = this.#past.find((each) => each.group === found && each.until > seenAt)
    const answer = { ...found, identities: new Map((old ?? found).identities) }
    this.afterCall(call)
    return answer
  }

  async patchIdentities(group: ComputeGroup, patch: IdentityPatch, signal: AbortSignal): Promise<void> {
    const call = this.#begin({ kind: 'patch', target: group.id, patch })
    const found = this.#group(group.id)
    checkPatch(patch, found)
    if (this.#busy.has(group.id)) throw armError('conflict', 409, 'OperationNotAllowed', 'another operation')
    this.#refuseUnpermitted(patch)
    this.#refuseDead(patch, found)
    this.#busy.add(group.id)
    try {
      await sleep(this.#clock, this.patchMs, signal)
    } finally {
      // An operation that ARM accepted ends whether or not anybody waits for it.
      this.#busy.delete(group.id)
      this.#apply(patch, found)
    }
    this.afterCall(call)
  }

  async getIdentity(id: ManagedIdentityId, signal: AbortSignal): Promise<PresentIdentity> {
    const call = this.#begin({ kind: 'identity', target: id.canonical })
    await sleep(this.#clock, this.getMs, signal)
    if (!this.mayReadIdentities) throw armError('denied', 403, 'AuthorizationFailed', 'no read')
    const found = this.identities.get(id.canonical)
    if (found === undefined) throw armError('missing', 404, 'ResourceNotFound', 'not found')
    this.afterCall(call)
    return { clientId: found.clientId, principalId: found.principalId }
  }

  #begin(call: ArmCall): ArmCall {
    this.calls.push(call)
    this.beforeCall(call)
    return call
  }

  #group(id: string): FakeGroup {
    const group = this.groups.get(id)
    if (group === undefined) throw armError('missing', 404, 'ResourceNotFound', `${id} was not found`)
    return group
  }

  #principalOf(id: string): PresentIdentity {
    const { clientId = 'unknown', principalId = 'unknown' } = this.identities.get(id) ?? {}
    return { clientId, principalId }
  }

  #refuseUnpermitted(patch: IdentityPatch): void {
    const culprits = patch.add.filter((id) => this.identities.get(id)?.permitted !== true)
    if (culprits.length === 0) return
    const scopes = this.namesAll ? culprits.join(',') : culprits[0]
    throw armError(
      'rejected',
      403,
      'LinkedAuthorizationFailed',
      `The client 'x' with object id '${this.loginAs.objectId}' has permission to perform action 'write' on scope ` +
        "'/subscriptions/s/vmss'; however, it does not have permission to perform action " +
        `'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '${scopes}' or ` +
        'the linked scope(s) are invalid.',
    )
  }

  #refuseDead(patch: IdentityPatch, group: FakeGroup): void {
    const left = [...group.identities.keys(), ...patch.add].filter((id) => !patch.remove.includes(id))
    const dead = left.find((id) => !this.identities.has(id))
    if (dead === undefined) return
    throw armError(
      'rejected',
      400,
      'FailedIdentityOperation',
      "Identity operation for resource '/subscriptions/s/vmss' failed with error 'Failed to perform resource identity " +
        `operation. Status: 'BadRequest'. Response: '{"error":{"code":"BadRequest","message":"Resource '${dead}' was not found."}}'.'.`,
    )
  }

  #apply(patch: IdentityPatch, group: FakeGroup): void {
    const now = this.#clock.monotonic()
    // A simulated day has tens of thousands of patches; no look lags that far behind.
    while ((this.#past[0]?.until ?? now) < now - LONGEST_LAG_MS) this.#past.shift()
    this.#past.push({ group, until: now, identities: new Map(group.identities) })
    for (const id of patch.remove) group.identities.delete(id)
    for (const id of patch.add) if (!group.identities.has(id)) group.identities.set(id, this.#principalOf(id))
  }
}

export function armError(fault: ArmFault, status: number, code: string, message: string): ArmError {
  return new ArmError(fault, message, { status, code })
}

/** What the real ARM would refuse as malformed, or take as an order to remove too much. */
function checkPatch(patch: IdentityPatch, group: FakeGroup): void {
  const keys = [...patch.add, ...patch.remove]
  assert.ok(keys.length > 0, 'a PATCH without a change')
  assert.ok(keys.length <= 150, `a PATCH with ${keys.length} identities`)
  assert.equal(new Set(keys).size, keys.length, 'an identity twice in one PATCH')
  for (const key of keys) assert.equal(key, canonicalResourceId(key), 'an id that is not canonical')
  assert.equal(patch.systemAssigned, group.systemAssigned, 'a PATCH that changes the system identity')
  const left = new Set([...group.identities.keys(), ...patch.add])
  for (const id of patch.remove) left.delete(id)
  assert.equal(patch.empties, left.size === 0, 'a PATCH whose type would be wrong')
}
