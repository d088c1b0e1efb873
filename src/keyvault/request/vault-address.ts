import { type Cloud, httpsOrigin } from '../../azure/clouds.ts'
import { MountFailure } from '../mount-failure.ts'
import { quoted } from '../shown.ts'

/**
 * Origin of a vault of this cloud, lower case as host names are. The name cannot lead to another host: it has no
 * character but letters, digits and hyphens.
 * @throws MountFailure `parameter-invalid`
 */
export function vaultOrigin(name: string, cloud: Cloud): string {
  if (name.length < 3 || name.length > 24)
    throw invalid(`Invalid vault name: ${quoted(name)}, must be between 3 and 24 chars`)
  if (!/^[-\dA-Za-z]{3,24}$/.test(name))
    throw invalid(`Invalid vault name: ${quoted(name)}, must match [-a-zA-Z0-9]{3,24}`)
  const suffix = cloud.keyVaultSuffix
  if (suffix === '') throw invalid(`the cloud ${cloud.name} names no keyVaultDNSSuffix`)
  const origin = httpsOrigin(`https://${name}.${suffix}`)
  // Some names make no host name, such as one that begins like an encoded foreign word.
  if (origin?.startsWith(`https://${name.toLowerCase()}.`) === true) return origin
  throw invalid(`Invalid vault name: ${quoted(name)}, ${quoted(`${name}.${suffix}`)} is not a host name`)
}

function invalid(text: string): MountFailure {
  return new MountFailure('parameter-invalid', `failed to get vault: ${text}`)
}
