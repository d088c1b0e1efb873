// @peculiar/x509 needs the polyfill's side effect before it is loaded.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata'
import { KeyObject, randomBytes, type webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** A private key and its certificate with those that vouch for it. */
export interface CertificateChain {
  /** PKCS#8, PEM. */
  readonly key: string
  /** PEM: leaf, intermediate, root. */
  readonly certificates: readonly string[]
}

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2_048,
  publicExponent: new Uint8Array([1, 0, 1]),
}
const DAY_MS = 86_400_000

interface Issuer {
  readonly name: string
  readonly keys: webcrypto.CryptoKeyPair
}

/** What a company's authority would issue for a web server: three certificates. @param nowMs wall clock */
export async function makeCertificateChain(nowMs: number): Promise<CertificateChain> {
  const names = ['CN=shop.example', 'CN=Shop Issuing CA', 'CN=Shop Root CA']
  const [leaf, middle, root] = await Promise.all(names.map(newIssuer))
  if (leaf === undefined || middle === undefined || root === undefined)
    throw new Error('three names were given')
  const links: readonly (readonly [Issuer, Issuer])[] = [
    [leaf, middle],
    [middle, root],
    [root, root],
  ]
  const certificates = await Promise.all(
    links.map(([subject, by]) => issue(subject, by, subject !== leaf, nowMs)),
  )
  const key = KeyObject.from(leaf.keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString()
  return { key, certificates }
}

async function newIssuer(name: string): Promise<Issuer> {
  return { name, keys: await crypto.subtle.generateKey(RSA, true, ['sign', 'verify']) }
}

// oxlint-disable-next-line max-params -- subject and issuer are one pair
async function issue(subject: Issuer, by: Issuer, isAuthority: boolean, nowMs: number): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(15).toString('hex'),
    subject: subject.name,
    issuer: by.name,
    notBefore: new Date(nowMs - DAY_MS),
    notAfter: new Date(nowMs + 30 * DAY_MS),
    publicKey: subject.keys.publicKey,
    signingKey: by.keys.privateKey,
    signingAlgorithm: RSA,
    extensions: [
      new x509.BasicConstraintsExtension(isAuthority, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(subject.keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(by.keys.publicKey),
    ],
  })
  return `${certificate.toString('pem')}\n`
}
