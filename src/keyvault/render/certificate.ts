import { X509Certificate } from 'node:crypto'
import type { VaultCertificate } from '../../azure/vault-objects.ts'
import { CERTIFICATE, pemText } from './pem.ts'
import { Unusable } from './unusable.ts'

/** The certificate alone as PEM: no chain, no key. @throws Unusable */
export function renderCertificate({ der }: VaultCertificate): Buffer {
  if (der.length === 0) throw new Unusable('certificate value is nil')
  if (!isCertificate(der)) throw new Unusable('its certificate cannot be read')
  return Buffer.from(pemText(CERTIFICATE, der))
}

function isCertificate(der: Buffer): boolean {
  try {
    // It reads PEM too, which is not what a vault sends.
    return new X509Certificate(der).raw.equals(der)
  } catch {
    return false
  }
}
