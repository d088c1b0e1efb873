import type { Clock } from '../../../src/base/clock.ts'
import type { AzureState } from '../state/azure-state.ts'
import { hexOf } from '../state/guid.ts'
import { resourceId } from '../state/resource-path.ts'
import type { SeedVault } from '../state/seed-document.ts'
import { emptyShelf, type SecretContent, type Version } from './vault-state.ts'

/** Creates a vault with its secrets. */
export function plantVault(state: AzureState, seed: SeedVault, clock: Clock): void {
  const now = Math.floor(clock.now() / 1_000)
  const subscription = [...state.subscriptions.values()][0]?.id ?? 'none'
  const secrets = emptyShelf<SecretContent>()
  for (const [name, given] of Object.entries(seed.secrets)) {
    const version = hexOf(`${seed.name} secrets ${name} 1`)
    secrets.items.set(name.toLowerCase(), { name, versions: [seedVersion(given, version, now)] })
  }
  state.vaults.set(seed.name.toLowerCase(), {
    name: seed.name,
    location: seed.location ?? state.region,
    id: resourceId(subscription, 'vaults', `Microsoft.KeyVault/vaults/${seed.name}`).toLowerCase(),
    network: seed.network,
    rbac: seed.rbac,
    access: seed.access.map(({ principal, ...permissions }) => ({ principal, permissions })),
    secrets,
    keys: emptyShelf(),
    certificates: emptyShelf(),
  })
}

function seedVersion(
  given: SeedVault['secrets'][string],
  version: string,
  now: number,
): Version<SecretContent> {
  const times = { version, created: now, updated: now }
  if (typeof given === 'string')
    return { ...times, content: { value: given, managed: false }, enabled: true, tags: {} }
  const { value, contentType, enabled, notBefore, expires, tags } = given
  return { ...times, content: { value, contentType, managed: false }, enabled, notBefore, expires, tags }
}
