import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { SecretString } from '../../base/secret.ts'
import { openPkcs12, Pkcs12Error } from '../../tokens/pkcs12-file.ts'
import { checkKeysFit, orderChain } from './chain.ts'
import { decodeBase64 } from './encoding.ts'
import { CERTIFICATE, type PemBlock, pemBlocks, pemText } from './pem.ts'
import { Unusable } from './unusable.ts'

/** Certificates and private keys as PEM, apart and together. */
export interface CertificateTexts {
  readonly certificates: string
  readonly keys: string
  readonly combined: string
}

/** A vault writes 2,000 rounds for each part. 40,000 are about a second of a slow node, during which it does nothing else. */
const LIMITS = { maxRounds: 40_000, maxCertificates: 32 }

/** Vaults give out their files without a password. */
const NO_PASSWORD = new SecretString('')

/**
 * Opens the base64 of a PKCS#12 file: keys as PKCS#8, then certificates, leaf first when that is asked for.
 * @returns `rounds`: those of key derivation that it took
 * @throws Unusable
 */
export async function openPfx(
  value: string,
  leafFirst: boolean,
): Promise<{ readonly texts: CertificateTexts; readonly rounds: number }> {
  const bytes = decodeBase64(value)
  if (bytes === undefined) throw new Unusable('its PKCS#12 is not base64: illegal base64 data')
  const opened = await opening(bytes)
  checkKeysFit(opened.keys, opened.certificates)
  const ordered = leafFirst ? orderChain(opened.certificates, opened.keys) : opened.certificates
  const certificates = ordered.map(({ raw }) => pemText(CERTIFICATE, raw)).join('')
  const keys = opened.keys
    .map((key) => pemText('PRIVATE KEY', key.export({ type: 'pkcs8', format: 'der' })))
    .join('')
  return { texts: { certificates, keys, combined: keys + certificates }, rounds: opened.rounds }
}

async function opening(bytes: Buffer): ReturnType<typeof openPkcs12> {
  try {
    return await openPkcs12(bytes, NO_PASSWORD, LIMITS)
  } catch (thrown) {
    if (!(thrown instanceof Pkcs12Error)) throw thrown
    // The first words are those of the old provider, which people search for.
    const known = thrown.about === 'key' ? 'failed to parse key for type pkcs1, pkcs8 or ec: ' : ''
    throw new Unusable(`${known}its PKCS#12 cannot be used: ${thrown.message}`, { cause: thrown })
  }
}

/** Certificates of a PEM text, and all else that is in it. */
export function splitPem(text: string): Pick<CertificateTexts, 'certificates' | 'keys'> {
  const blocks = pemBlocks(text)
  const write = (some: readonly PemBlock[]): string =>
    some.map(({ label, der, headers }) => pemText(label, der, headers)).join('')
  return {
    certificates: write(blocks.filter(({ label }) => label === CERTIFICATE)),
    keys: write(blocks.filter(({ label }) => label !== CERTIFICATE)),
  }
}

/**
 * PEM goes out as it came; only a key without its certificate is not let through. What cannot be read here may be of
 * use elsewhere.
 * @throws Unusable
 */
export function checkPemKeyFits(text: string): void {
  const blocks = pemBlocks(text)
  const key = blocks.map(privateKeyOf).find((each) => each !== undefined)
  const certificates = blocks.filter(({ label }) => label === CERTIFICATE).map(certificateOf)
  const read = certificates.filter((each) => each !== undefined)
  if (key !== undefined && read.length === certificates.length) checkKeysFit([key], read)
}

const KEY_KINDS: ReadonlyMap<string, 'pkcs1' | 'pkcs8' | 'sec1'> = new Map([
  ['PRIVATE KEY', 'pkcs8'],
  ['RSA PRIVATE KEY', 'pkcs1'],
  ['EC PRIVATE KEY', 'sec1'],
])

function privateKeyOf({ label, headers, der }: PemBlock): KeyObject | undefined {
  const type = KEY_KINDS.get(label)
  if (type === undefined || headers.length > 0) return undefined
  try {
    return createPrivateKey({ key: der, format: 'der', type })
  } catch {
    return undefined
  }
}

function certificateOf({ der }: PemBlock): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}
