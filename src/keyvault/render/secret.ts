import type { VaultSecret } from '../../azure/vault-objects.ts'
import type { WantedObject } from '../wanted-object.ts'
import { renderCertificateSecret } from './certificate-secret.ts'
import { decodeText } from './encoding.ts'
import type { RenderedPart, Rendering } from './rendered-part.ts'

/**
 * A plain secret is its value, decoded when `objectEncoding` asks for it. Secrets that back a certificate have a key
 * id, and are more.
 * @throws Unusable
 */
export async function renderSecret(
  secret: VaultSecret,
  wanted: Pick<WantedObject, 'format' | 'encoding'>,
  rendering: Rendering,
): Promise<readonly RenderedPart[]> {
  if (secret.keyId !== undefined) return renderCertificateSecret(secret, wanted, rendering)
  return [{ suffix: '', contents: decodeText(secret.value.reveal(), wanted.encoding) }]
}
