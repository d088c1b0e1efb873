// @peculiar/x509 needs the polyfill's side effect before it is loaded.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

/** Fixed, since TLS clients judge certificates by the real clock, whatever clock the emulator was given. */
const FROM = new Date(Date.UTC(2020, 0, 1))
const UNTIL = new Date(Date.UTC(2049, 0, 1))
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Names that unmodified programs use, besides those given. */
export const DEFAULT_NAMES: readonly string[] = [
  'login.microsoftonline.com',
  'login.windows.net',
  'sts.windows.net',
  'management.azure.com',
  '*.vault.azure.net',
  'login.localhost',
  'management.localhost',
  '*.vault.localhost',
  'localhost',
  '127.0.0.1',
  '::1',
]

export interface ServerIdentity {
  /** PEM of the CA that signed `cert`: what clients must trust. */
  readonly caPem: string
  readonly cert: string
  readonly key: string
}

/** Makes a new CA and one server certificate for all of the names (DNS names and IP addresses). */
export async function createServerIdentity(names: readonly string[]): Promise<ServerIdentity> {
  const caKeys = await newKeys()
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Emulated Azure CA',
    notBefore: FROM,
    notAfter: UNTIL,
    keys: caKeys,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  })
  const keys = await newKeys()
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=Emulated Azure',
    issuer: ca.subject,
    notBefore: FROM,
    notAfter: UNTIL,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map(generalName)),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  })
  const caPem = `${ca.toString('pem')}\n`
  return { caPem, cert: `${leaf.toString('pem')}\n${caPem}`, key: await privateKeyPem(keys.privateKey) }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(EC, true, ['sign', 'verify'])
}

function generalName(name: string): { type: 'ip' | 'dns'; value: string } {
  return { type: isIP(name) > 0 ? 'ip' : 'dns', value: name }
}

function serialNumber(): string {
  return `01${Buffer.from(crypto.getRandomValues(new Uint8Array(15))).toString('hex')}`
}

export async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${der.replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END PRIVATE KEY-----\n`
}

/** A self-signed RSA certificate: for the signing key of Entra, and for applications in tests. */
export async function selfSigned(
  commonName: string,
): Promise<{ keys: webcrypto.CryptoKeyPair; certificate: x509.X509Certificate; certificatePem: string }> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    notBefore: FROM,
    notAfter: UNTIL,
    keys,
    signingAlgorithm: algorithm,
  })
  return { keys, certificate, certificatePem: `${certificate.toString('pem')}\n` }
}
