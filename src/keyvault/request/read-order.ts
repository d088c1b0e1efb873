import { MountFailure } from '../mount-failure.ts'
import type { MountOrder } from '../mount-order.ts'
import { type CloudChoices, cloudOfMount } from './cloud.ts'
import { chooseLogin } from './identity-mode.ts'
import { type MountMessage, parseMountRequest } from './mount-request.ts'
import { readObjectList } from './objects.ts'
import { readParameters } from './parameters.ts'
import { vaultOrigin } from './vault-address.ts'

/** What the operator decides about all orders. */
export interface OrderRules extends CloudChoices {
  /** Whether classes may log in with the identities of the node (`useVMManagedIdentity`). */
  readonly vmManagedIdentity: boolean
}

/**
 * What the CSI driver asks, from its strings to a checked order. What is wrong first in the order of the old provider
 * is told: request, pod, flags, vault and tenant, cloud, login, objects, vault name.
 * @throws MountFailure; the signal's reason
 */
export async function readOrder(
  message: MountMessage,
  rules: OrderRules,
  signal: AbortSignal,
): Promise<MountOrder> {
  const request = parseMountRequest(message)
  const parameters = readParameters(request.parameters)
  const cloud = await cloudOfMount(parameters, rules, signal)
  const login = chooseLogin({ request, parameters, cloud })
  if (login.kind === 'vm-identity' && !rules.vmManagedIdentity)
    throw new MountFailure(
      'parameter-invalid',
      'useVMManagedIdentity is off here, as it opens vaults with identities of the node, which are not bound to any pod; the operator turns it on with --vm-managed-identity (keyvaultProvider.vmManagedIdentity of the chart)',
    )
  const objects = readObjectList(parameters.objects, request.defaultMode)
  return {
    pod: request.pod,
    vault: { name: parameters.keyvaultName, origin: vaultOrigin(parameters.keyvaultName, cloud) },
    login,
    objects,
    lastKnownGoodMs: parameters.lastKnownGoodMs,
    targetPath: request.targetPath,
  }
}
