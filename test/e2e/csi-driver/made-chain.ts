/** A certificate with its authorities, whose key identifiers say who signed whom: as public authorities make them. */
// @peculiar/x509 needs the polyfill's side effect before it is loaded.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { Clock } from '../../../src/base/clock.ts'

const ALGORITHM = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
} as const
const DAY_MS = 86_400_000

export interface MadeChain {
  /** Key, leaf, root, intermediate: not in the order of the chain. */
  readonly pem: string
  /** In the order of the chain. */
  readonly subjects: readonly string[]
}

export async function makeChain(clock: Clock): Promise<MadeChain> {
  const root = await signed(clock, 'CN=root')
  const middle = await signed(clock, 'CN=middle', root)
  const leaf = await signed(clock, 'CN=leaf', middle)
  const key = await crypto.subtle.exportKey('pkcs8', leaf.keys.privateKey)
  const keyPem = x509.PemConverter.encode(key, 'PRIVATE KEY')
  const certificates = [leaf, root, middle].map(({ certificate }) => certificate.toString('pem'))
  return {
    pem: [keyPem, ...certificates].map((each) => `${each}\n`).join(''),
    subjects: [leaf, middle, root].map(({ certificate }) => certificate.subject),
  }
}

interface Signed {
  readonly keys: webcrypto.CryptoKeyPair
  readonly certificate: x509.X509Certificate
}

async function signed(clock: Clock, subject: string, issuer?: Signed): Promise<Signed> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const signer = issuer?.keys ?? keys
  const now = clock.now()
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: Buffer.from(crypto.getRandomValues(new Uint8Array(15))).toString('hex'),
    subject,
    issuer: issuer?.certificate.subject ?? subject,
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + DAY_MS),
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(subject !== 'CN=leaf', undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey),
    ],
  })
  return { keys, certificate }
}
