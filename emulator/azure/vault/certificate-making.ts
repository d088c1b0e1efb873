// @peculiar/x509 needs the polyfill's side effect before it is loaded.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata'
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import forge from 'node-forge'
import { type CertificatePolicy, PEM, PKCS12 } from './certificate-policy.ts'
import { generateKey, keyObject } from './key-material.ts'
import { refuseVault } from './vault-errors.ts'

/** A certificate with its private key, and the chain that came with it. */
export interface CertificateBundle {
  readonly privateKey: KeyObject
  /** PEM, the certificate itself first. */
  readonly chain: readonly string[]
}

const MONTH_MS = 30 * 86_400_000

/** Makes a self-signed certificate. @throws Refused 400 when the subject is no distinguished name */
export async function makeCertificate(policy: CertificatePolicy, nowMs: number): Promise<CertificateBundle> {
  const { keys, algorithm } = await generateKey(policy.kty, policy.keySize, policy.curve)
  const alternative = policy.dnsNames.map((value) => ({ type: 'dns' as const, value }))
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: Buffer.from(crypto.getRandomValues(new Uint8Array(15))).toString('hex'),
    name: distinguishedName(policy.subject),
    notBefore: new Date(nowMs - 600_000),
    notAfter: new Date(nowMs + policy.validityMonths * MONTH_MS),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...(alternative.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternative)] : []),
    ],
  })
  return { privateKey: keyObject(keys.privateKey), chain: [`${certificate.toString('pem')}\n`] }
}

function distinguishedName(subject: string): string {
  if (/^[A-Za-z]+=[^=]+(,\s*[A-Za-z]+=[^=]+)*$/.test(subject)) return subject
  return refuseVault(
    400,
    'BadParameter',
    `Property policy.x509_props.subject '${subject}' is no distinguished name.`,
  )
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

/** Reads PEM text or a PKCS#12 file in base64. @throws Refused 400 */
export function readBundle(value: string, password: string): CertificateBundle {
  try {
    return value.includes('-----BEGIN') ? fromPem(value) : fromPkcs12(value, password)
  } catch (thrown) {
    if (!(thrown instanceof Error) || thrown.name === 'Refused') throw thrown
    return refuseVault(
      400,
      'BadParameter',
      `The specified PKCS#12 or PEM content is not valid: ${thrown.message}`,
    )
  }
}

function fromPem(text: string): CertificateBundle {
  const chain = [...text.matchAll(BLOCK)].map(([block]) => `${block}\n`)
  const privateKey = createPrivateKey(text.replaceAll(BLOCK, ''))
  return checked({ privateKey, chain })
}

function fromPkcs12(base64: string, password: string): CertificateBundle {
  const asn1 = forge.asn1.fromDer(forge.util.decode64(base64))
  const store = forge.pkcs12.pkcs12FromAsn1(asn1, password)
  const { certBag = '', pkcs8ShroudedKeyBag = '', keyBag = '' } = forge.pki.oids
  const keys = [pkcs8ShroudedKeyBag, keyBag].flatMap((bagType) => store.getBags({ bagType })[bagType] ?? [])
  const key = keys.find((bag) => bag.key !== undefined && bag.key !== null)?.key
  if (key === undefined || key === null) throw new Error('it has no private key that can be read')
  const certificates = (store.getBags({ bagType: certBag })[certBag] ?? []).flatMap(({ cert }) => cert ?? [])
  return checked({
    privateKey: createPrivateKey(forge.pki.privateKeyToPem(key)),
    chain: certificates.map((each) => forge.pki.certificateToPem(each)),
  })
}

/** The certificate of the key comes first, whatever the order in the file. */
function checked(bundle: CertificateBundle): CertificateBundle {
  const own = bundle.chain.find((pem) => new X509Certificate(pem).checkPrivateKey(bundle.privateKey))
  if (own === undefined) throw new Error('no certificate in it belongs to its private key')
  return { ...bundle, chain: [own, ...bundle.chain.filter((pem) => pem !== own)] }
}

/** The value of the secret behind a certificate: PEM text, or a PKCS#12 file without a password in base64. */
export function secretValue(bundle: CertificateBundle, contentType: string): string {
  const keyPem = bundle.privateKey.export({ type: 'pkcs8', format: 'pem' })
  if (contentType === PEM) return `${keyPem.toString()}${bundle.chain.join('')}`
  if (createPublicKey(bundle.privateKey).asymmetricKeyType !== 'rsa')
    return refuseVault(
      400,
      'BadParameter',
      `This emulator writes ${PKCS12} for RSA keys only; ask for ${PEM}.`,
    )
  const key = forge.pki.privateKeyFromPem(keyPem.toString())
  const certificates = bundle.chain.map((pem) => forge.pki.certificateFromPem(pem))
  const asn1 = forge.pkcs12.toPkcs12Asn1(key, certificates, '', { algorithm: '3des' })
  return forge.util.encode64(forge.asn1.toDer(asn1).getBytes())
}
