import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { must } from '../must.ts'
import type { CertificateChain } from './certificate-chain.ts'
import type { PublicJwk } from './vault-owner.ts'
import type { SeenFile } from './volumes.ts'

/** Mode and the first digits of the SHA-256 of a file, for people. */
export function describeFile({ mode, contents }: SeenFile): string {
  return `${mode}, sha256 ${sha256(contents).slice(0, 12)}`
}

/** @throws Error when it is not the vault's value, byte for byte */
export function checkSecret(file: SeenFile, value: string): string {
  must(sha256(file.contents) === sha256(Buffer.from(value)), 'it is not the value in the vault')
  return `${describeFile(file)}: the value in the vault`
}

const BLOCK = /-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----/g

/** @throws Error when the parts, their order or their contents are not as a server needs them */
export function checkCertificate(file: SeenFile, { key, certificates }: CertificateChain): string {
  const blocks = [...file.contents.toString('utf8').matchAll(BLOCK)]
  const labels = blocks.map(([, label]) => label).join(', ')
  const wanted = ['PRIVATE KEY', ...certificates.map(() => 'CERTIFICATE')].join(', ')
  must(labels === wanted, `it holds ${labels || 'nothing in PEM'}, and not ${wanted}`)
  const [privateKey, ...chain] = blocks.map(([block]) => block)
  const read = createPrivateKey(privateKey ?? '')
  must(read.equals(createPrivateKey(key)), 'its private key is not the one in the vault')
  const fingerprints = chain.map((each) => new X509Certificate(each).fingerprint256)
  const expected = certificates.map((each) => new X509Certificate(each).fingerprint256)
  must(fingerprints.join() === expected.join(), 'its certificates are not those of the vault, leaf first')
  const leaf = new X509Certificate(chain[0] ?? '')
  must(leaf.checkPrivateKey(read), 'its key does not fit its first certificate')
  const names = chain.map((each) => new X509Certificate(each).subject.replace(/^CN=/, ''))
  return `${describeFile(file)}: the key, then ${names.join(', ')}; the key fits`
}

/** @throws Error when it is not the public half of the vault's key */
export function checkKey(file: SeenFile, jwk: PublicJwk): string {
  const read = createPublicKey(file.contents)
  must(read.equals(createPublicKey({ key: jwk, format: 'jwk' })), 'it is not the key in the vault')
  return `${describeFile(file)}: the public half of the key in the vault`
}

function sha256(contents: Buffer): string {
  return createHash('sha256').update(contents).digest('hex')
}
