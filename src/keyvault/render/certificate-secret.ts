import type { VaultSecret } from '../../azure/vault-objects.ts'
import { shown } from '../shown.ts'
import type { WantedObject } from '../wanted-object.ts'
import { type CertificateTexts, checkPemKeyFits, splitPem } from './certificate-texts.ts'
import { decodeBase64, decodeText } from './encoding.ts'
import type { RenderedPart, Rendering } from './rendered-part.ts'
import { Unusable } from './unusable.ts'

type Wanted = Pick<WantedObject, 'format' | 'encoding'>

const PEM = 'application/x-pem-file'
const PFX = 'application/x-pkcs12'

/**
 * The secret behind a certificate: private key (when it may leave the vault), certificate and chain.
 * - PEM stays as it is, whatever format is asked for: a vault gives only what was put in.
 * - PKCS#12 becomes PEM, private key first; or stays the base64 text of the vault, which `objectEncoding: base64` makes
 *   the binary file.
 * @throws Unusable
 */
export async function renderCertificateSecret(
  secret: VaultSecret,
  wanted: Wanted,
  rendering: Rendering,
): Promise<readonly RenderedPart[]> {
  const value = secret.value.reveal()
  const asPem = contentOf(secret.contentType, value) === PEM
  if (asPem || wanted.format === 'pem') {
    refuseEncoding(wanted, asPem)
    if (!asPem) return pemParts(await rendering.openPfx(secret), rendering)
    checkPemKeyFits(value)
    return pemParts({ ...splitPem(value), combined: value }, rendering)
  }
  const file: RenderedPart = { suffix: '', contents: pfxFile(value, wanted) }
  if (!rendering.separateFiles) return [file]
  return [...separate(await rendering.openPfx(secret)), file]
}

/** By what the vault says; where it says nothing, by looking. */
function contentOf(contentType: string | undefined, value: string): typeof PEM | typeof PFX {
  const said = contentType?.trim().toLowerCase() ?? ''
  if (said === PEM || said === PFX) return said
  if (said !== '')
    throw new Unusable(`failed to get certificate. unknown content type '${shown(contentType ?? '')}'`)
  if (/^-----BEGIN [A-Z0-9 ]+-----/m.test(value)) return PEM
  // Every PKCS#12 file is a SEQUENCE.
  if (decodeBase64(value)?.at(0) === 0x30) return PFX
  throw new Unusable(
    "failed to get certificate. unknown content type '', and its value is neither PEM nor PKCS#12",
  )
}

function refuseEncoding({ encoding }: Wanted, asPem: boolean): void {
  if (encoding === 'utf-8') return
  const advice = asPem ? '' : ', or ask for objectFormat: pfx'
  throw new Unusable(
    `objectEncoding: ${encoding} does not go with a certificate that becomes PEM text: leave it out${advice}`,
  )
}

function pfxFile(value: string, { encoding }: Wanted): Buffer {
  if (encoding !== 'hex') return decodeText(value, encoding)
  throw new Unusable(
    'objectEncoding: hex does not go with objectFormat: pfx, which a vault holds as base64 text',
  )
}

function pemParts(texts: CertificateTexts, { separateFiles }: Rendering): RenderedPart[] {
  const file: RenderedPart = { suffix: '', contents: Buffer.from(texts.combined) }
  return separateFiles ? [...separate(texts), file] : [file]
}

function separate({ certificates, keys }: CertificateTexts): RenderedPart[] {
  return [
    { suffix: '.crt', contents: Buffer.from(certificates) },
    { suffix: '.key', contents: Buffer.from(keys) },
  ]
}
