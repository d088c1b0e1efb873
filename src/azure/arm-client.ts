import { ComputeManagementClient } from '@azure/arm-compute'
import { ManagedServiceIdentityClient } from '@azure/arm-msi'
import * as v from 'valibot'
import type { Clock } from '../base/clock.ts'
import { DeadlineError, withDeadline } from '../base/deadline.ts'
import type { ComputeGroup, ManagedIdentityId } from '../model/resource-id.ts'
import { canonicalResourceId } from '../model/resource-id.ts'
import {
  ArmError,
  type ArmLogin,
  BUDGET_SPENT,
  type GroupIdentities,
  type IdentityPatch,
  type PresentIdentity,
} from './arm.ts'
import type { ArmBudget } from './arm-budget.ts'
import { armErrorOf } from './arm-failure.ts'
import type { LearningCredential } from './arm-login.ts'
import { type ArmCallListener, armPolicy } from './arm-policy.ts'
import type { Cloud } from './clouds.ts'

export interface ArmClientOptions {
  readonly clock: Clock
  readonly cloud: Cloud
  readonly credential: LearningCredential
  /** `--arm-calls-per-hour`; outlives the client, which a new secret replaces. */
  readonly budget: ArmBudget
  /** Appended to the User-Agent. */
  readonly userAgent: string
  /** PEM of a CA to trust instead of the built-in ones. */
  readonly ca?: string
  /** Milliseconds between two looks at an operation when ARM names no time; 1 s unless told. The SDK's own timer. */
  readonly pollMs?: number
  readonly onCall: ArmCallListener
}

/** Azure Resource Manager as MIC needs it, on Azure's own SDK. One try a call: MIC decides what is tried again. */
export interface ArmClient {
  /** @throws ArmError */
  getGroup(group: ComputeGroup, signal: AbortSignal): Promise<GroupIdentities>
  /** Resolves when the asynchronous operation has succeeded. @throws ArmError */
  patchIdentities(group: ComputeGroup, patch: IdentityPatch, signal: AbortSignal): Promise<void>
  /** @throws ArmError, `missing` when there is no such identity */
  getIdentity(id: ManagedIdentityId, signal: AbortSignal): Promise<PresentIdentity>
  login(): ArmLogin
  readonly budget: ArmBudget
}

const READ_MS = 60_000
/** Azure takes 10 to 60 s; the old controller waited for twenty minutes. */
const PATCH_MS = 20 * 60_000
/** Between two looks at an operation when ARM names no time. */
const POLL_MS = 1_000

const present = v.object({
  clientId: v.optional(v.string(), ''),
  principalId: v.optional(v.string(), ''),
})

const compute = v.object({
  provisioningState: v.optional(v.string(), ''),
  identity: v.optional(
    v.object({
      type: v.optional(v.string(), ''),
      userAssignedIdentities: v.optional(v.record(v.string(), v.nullish(present)), {}),
    }),
    {},
  ),
})

export function createArmClient(options: ArmClientOptions): ArmClient {
  const { budget, clock, cloud, credential } = options
  const clients = new Map<
    string,
    { compute: ComputeManagementClient; identities: ManagedServiceIdentityClient }
  >()

  function clientsOf(subscription: string) {
    const known = clients.get(subscription)
    if (known !== undefined) return known
    const common = {
      endpoint: cloud.armOrigin,
      credentials: { scopes: [scopeOf(cloud.armAudiences[0] ?? cloud.armOrigin)] },
      ...(options.ca === undefined ? {} : { tlsOptions: { ca: options.ca } }),
      userAgentOptions: { userAgentPrefix: ['podid', options.userAgent].filter(Boolean).join(' ') },
      // Retries that nobody sees look like one slow call: MIC has its own, each with a line and a sample.
      retryOptions: { maxRetries: 0 },
      additionalPolicies: [
        { policy: armPolicy({ clock, budget, onCall: options.onCall }), position: 'perRetry' as const },
      ],
    }
    const fresh = {
      compute: new ComputeManagementClient(credential, subscription, common),
      identities: new ManagedServiceIdentityClient(credential, subscription, {
        ...common,
        $host: cloud.armOrigin,
        credentialScopes: common.credentials.scopes,
      }),
    }
    clients.set(subscription, fresh)
    return fresh
  }

  async function bounded<T>(
    what: string,
    { ms, parent }: { ms: number; parent: AbortSignal },
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    try {
      return await withDeadline({ clock, ms, what, parent }, work)
    } catch (thrown) {
      parent.throwIfAborted()
      if (thrown instanceof DeadlineError)
        throw new ArmError('unavailable', thrown.message, { cause: thrown })
      throw armErrorOf(thrown, clock)
    }
  }

  return {
    budget,
    login: () => credential.login(),
    getGroup: (group, parent) =>
      bounded(`reading ${group.id}`, { ms: READ_MS, parent }, async (abortSignal) => {
        const { compute: client } = clientsOf(group.subscription)
        const { resourceGroup, name } = group
        const raw =
          group.kind === 'vmss'
            ? await client.virtualMachineScaleSets.get(resourceGroup, name, { abortSignal })
            : await client.virtualMachines.get(resourceGroup, name, { abortSignal })
        return identitiesOf(raw)
      }),
    patchIdentities: (group, patch, parent) =>
      bounded(`changing the identities of ${group.id}`, { ms: PATCH_MS, parent }, async (abortSignal) => {
        const { compute: client } = clientsOf(group.subscription)
        const { resourceGroup, name } = group
        const body = { identity: identityBlock(patch) }
        const request = { abortSignal, updateIntervalInMs: options.pollMs ?? POLL_MS }
        const operation =
          group.kind === 'vmss'
            ? client.virtualMachineScaleSets.update(resourceGroup, name, body, request)
            : client.virtualMachines.update(resourceGroup, name, body, request)
        await operation.submitted()
        try {
          await operation.pollUntilDone({ abortSignal })
        } catch (thrown) {
          throw afterAcceptance(armErrorOf(thrown, clock))
        }
      }),
    getIdentity: (id, parent) =>
      bounded(`reading ${id.canonical}`, { ms: READ_MS, parent }, async (abortSignal) => {
        const { identities } = clientsOf(id.subscription)
        return v.parse(
          present,
          await identities.userAssignedIdentities.get(id.resourceGroup, id.name, { abortSignal }),
        )
      }),
  }
}

/** `https://management.azure.com/.default`; a cloud's file may name its audience with the slash or without. */
function scopeOf(audience: string): string {
  return `${audience}${audience.endsWith('/') ? '' : '/'}.default`
}

/**
 * ARM accepted the operation. Only its own report says how it ended; a look at it that fails (429, 404, a
 * new login that is refused, podid's own budget) says nothing about it.
 */
function afterAcceptance(error: ArmError): ArmError {
  if (error.status === 0 && error.code !== BUDGET_SPENT) return error
  const { code, status, retryAfterMs } = error
  return new ArmError('unavailable', error.message, { code, status, retryAfterMs, cause: error })
}

function identitiesOf(raw: unknown): GroupIdentities {
  const { provisioningState, identity } = v.parse(compute, raw)
  const map = identity.userAssignedIdentities ?? {}
  return {
    provisioningState,
    systemAssigned: /systemassigned/i.test(identity.type ?? ''),
    identities: new Map(
      Object.entries(map).map(([id, value]) => [
        canonicalResourceId(id),
        value ?? { clientId: '', principalId: '' },
      ]),
    ),
  }
}

type IdentityBlock = NonNullable<
  Parameters<ComputeManagementClient['virtualMachineScaleSets']['update']>[2]['identity']
>

/** The identity block and nothing else; ids are canonical, and `null` takes one off. */
function identityBlock(patch: IdentityPatch): IdentityBlock {
  if (patch.empties) return { type: patch.systemAssigned ? 'SystemAssigned' : 'None' }
  const entries = [
    ...patch.add.map((id) => [id, {}] as const),
    // The SDK's type knows no null, its serialiser and ARM do.
    ...patch.remove.map((id) => [id, null as unknown as object] as const),
  ]
  return {
    type: patch.systemAssigned ? 'SystemAssigned, UserAssigned' : 'UserAssigned',
    userAssignedIdentities: Object.fromEntries(entries),
  }
}
