/** RSA certificates and PKCS#12 files for tests, made with node-forge; keys by node:crypto, which is quick. */
import { generateKeyPairSync } from 'node:crypto'
import forge from 'node-forge'

export interface MadeCertificate {
  readonly certificate: forge.pki.Certificate
  readonly key: forge.pki.rsa.PrivateKey
  readonly certificatePem: string
  readonly keyPem: string
}

export function makeCertificate(
  options: {
    name?: string
    issuer?: MadeCertificate
    notBefore?: Date
    notAfter?: Date
    hosts?: readonly string[]
  } = {},
): MadeCertificate {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey)
  certificate.serialNumber = '01'
  certificate.validity.notBefore = options.notBefore ?? new Date('2020-01-01T00:00:00Z')
  certificate.validity.notAfter = options.notAfter ?? new Date('2049-01-01T00:00:00Z')
  const subject = [{ name: 'commonName', value: options.name ?? 'shop' }]
  certificate.setSubject(subject)
  certificate.setIssuer(options.issuer?.certificate.subject.attributes ?? subject)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: options.issuer === undefined, critical: true },
    ...(options.hosts === undefined
      ? []
      : [{ name: 'subjectAltName', altNames: options.hosts.map((value) => ({ type: 2, value })) }]),
  ])
  const key = forge.pki.privateKeyFromPem(pair.privateKey)
  certificate.sign(options.issuer?.key ?? key, forge.md.sha256.create())
  return {
    certificate,
    key,
    certificatePem: forge.pki.certificateToPem(certificate),
    keyPem: pair.privateKey,
  }
}

export function makePkcs12(
  parts: { key?: MadeCertificate; certificates: readonly MadeCertificate[] },
  password: string,
  options: { algorithm?: 'aes256' | '3des'; count?: number } = {},
): Uint8Array {
  const key = parts.key?.key ?? null
  const certificates = parts.certificates.map(({ certificate }) => certificate)
  const file = forge.pkcs12.toPkcs12Asn1(key, certificates, password, {
    algorithm: options.algorithm ?? 'aes256',
    count: options.count ?? 1_000,
  })
  return Buffer.from(forge.asn1.toDer(file).getBytes(), 'binary')
}
