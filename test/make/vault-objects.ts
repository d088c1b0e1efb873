/** What a vault gave, for tests of what becomes of it. */
import type { VaultCertificate, VaultKey, VaultSecret } from '../../src/azure/vault-objects.ts'
import { SecretString } from '../../src/base/secret.ts'
import { createPfxOpenings } from '../../src/keyvault/render/pfx-openings.ts'
import type { Rendering, RenderSettings } from '../../src/keyvault/render/rendered-part.ts'
import type { WantedObject } from '../../src/keyvault/wanted-object.ts'

/** A secret of a class that says its name and nothing else. */
export function wantedSecret(name: string): WantedObject {
  return {
    type: 'secret',
    name,
    path: name,
    version: '',
    history: 1,
    format: 'pem',
    encoding: 'utf-8',
    mode: 0o644,
    optional: false,
  }
}

export function vaultSecret(
  value: string,
  more: Partial<Pick<VaultSecret, 'contentType' | 'keyId'>> = {},
): VaultSecret {
  return { shelf: 'secrets', version: 'v1', value: new SecretString(value), ...more }
}

/** The secret behind a certificate; without a content type when none is given. */
export function certificateSecret(value: string, contentType?: string): VaultSecret {
  const keyId = 'https://shop.vault.azure.net/keys/tls/v1'
  return vaultSecret(value, contentType === undefined ? { keyId } : { keyId, contentType })
}

export function vaultKey(jwk: VaultKey['jwk']): VaultKey {
  return { shelf: 'keys', version: 'v1', jwk }
}

export function vaultCertificate(der: Buffer): VaultCertificate {
  return { shelf: 'certificates', version: 'v1', der }
}

/** What a mount renders with, of a provider that was set so. */
export function renderingOf({ constructPemChain, separateFiles }: RenderSettings): Rendering {
  return { separateFiles, openPfx: createPfxOpenings(constructPemChain).ofMount() }
}
