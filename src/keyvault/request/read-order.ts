import type { MountOrder } from '../mount-order.ts'
import { type CloudChoices, cloudOfMount } from './cloud.ts'
import { chooseLogin } from './identity-mode.ts'
import { type MountMessage, parseMountRequest } from './mount-request.ts'
import { readObjectList } from './objects.ts'
import { readParameters } from './parameters.ts'
import { vaultOrigin } from './vault-address.ts'

/**
 * What the CSI driver asks, from its strings to a checked order. What is wrong first in the order of the old provider
 * is told: request, pod, flags, vault and tenant, cloud, login, objects, vault name.
 * @throws MountFailure; the signal's reason
 */
export async function readOrder(
  message: MountMessage,
  clouds: CloudChoices,
  signal: AbortSignal,
): Promise<MountOrder> {
  const request = parseMountRequest(message)
  const parameters = readParameters(request.parameters)
  const cloud = await cloudOfMount(parameters, clouds, signal)
  const login = chooseLogin({ request, parameters, cloud })
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
