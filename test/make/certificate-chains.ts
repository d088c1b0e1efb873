/** Certificates of RSA and EC keys in chains, and PKCS#12 files of them by OpenSSL, which node-forge cannot make. */
// @peculiar/x509 needs the polyfill's side effect before it is loaded.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata'
import { execFileSync, spawnSync } from 'node:child_process'
import { KeyObject, type webcrypto, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'

export const KEY_KINDS = ['RSA', 'P-256', 'P-384', 'P-521'] as const
export type KeyKind = (typeof KEY_KINDS)[number]

export interface ChainMember {
  readonly certificate: X509Certificate
  readonly key: KeyObject
  readonly keys: webcrypto.CryptoKeyPair
  readonly kind: KeyKind
}

export interface MemberOptions {
  readonly name: string
  readonly kind?: KeyKind
  /** Missing: self-signed. */
  readonly issuer?: ChainMember
  /** Issuer's name as the certificate says it, when it is not the issuer's. */
  readonly issuerName?: string
  /** Another certificate of the same key. */
  readonly keys?: webcrypto.CryptoKeyPair
  readonly ca?: boolean
  /** Subject and authority key identifiers; both when missing. */
  readonly subjectId?: boolean
  readonly authorityId?: boolean
}

const FROM = new Date(Date.UTC(2020, 0, 1))
const UNTIL = new Date(Date.UTC(2049, 0, 1))

export async function makeMember(options: MemberOptions): Promise<ChainMember> {
  const kind = options.kind ?? 'P-256'
  const keys = options.keys ?? (await crypto.subtle.generateKey(algorithmOf(kind), true, ['sign', 'verify']))
  const signer = options.issuer ?? { keys, kind }
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `01${Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex')}`,
    subject: `CN=${options.name}`,
    issuer: `CN=${options.issuerName ?? nameOf(options.issuer?.certificate) ?? options.name}`,
    notBefore: FROM,
    notAfter: UNTIL,
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    signingAlgorithm: algorithmOf(signer.kind),
    extensions: await extensionsOf(options, keys, signer.keys),
  })
  return {
    certificate: new X509Certificate(Buffer.from(certificate.rawData)),
    key: KeyObject.from(keys.privateKey),
    keys,
    kind,
  }
}

async function extensionsOf(
  options: MemberOptions,
  keys: webcrypto.CryptoKeyPair,
  signer: webcrypto.CryptoKeyPair,
): Promise<x509.Extension[]> {
  const { ca = false, subjectId = true, authorityId = true } = options
  return [
    new x509.BasicConstraintsExtension(ca, undefined, true),
    ...(subjectId ? [await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)] : []),
    ...(authorityId ? [await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey)] : []),
  ]
}

/** Leaf first; all but the leaf are authorities. */
export async function makeChain(
  names: readonly string[],
  common: Omit<MemberOptions, 'name' | 'issuer'> = {},
  leaf: Omit<MemberOptions, 'name' | 'issuer'> = {},
): Promise<ChainMember[]> {
  const chain: ChainMember[] = []
  for (const [index, name] of names.toReversed().entries()) {
    const [issuer] = chain
    const own = index === names.length - 1 ? leaf : { ca: true }
    chain.unshift(await makeMember({ name, ...common, ...own, ...(issuer === undefined ? {} : { issuer }) }))
  }
  return chain
}

function nameOf(certificate: X509Certificate | undefined): string | undefined {
  return certificate?.subject.replace('CN=', '')
}

function algorithmOf(
  kind: KeyKind,
): webcrypto.RsaHashedKeyGenParams & webcrypto.EcdsaParams & webcrypto.EcKeyGenParams {
  const both = { hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
  return kind === 'RSA'
    ? { ...both, name: 'RSASSA-PKCS1-v1_5', namedCurve: '' }
    : { ...both, name: 'ECDSA', namedCurve: kind }
}

export const HAS_OPENSSL = spawnSync('openssl', ['version']).error === undefined

/** How OpenSSL encrypts: old 3DES for all, RC2-40 for the certificates, AES-256 by PBES2 (its present default). */
export const PFX_KINDS = {
  '3DES': ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'],
  'RC2-40': ['-legacy'],
  'AES-256': ['-keypbe', 'AES-256-CBC', '-certpbe', 'AES-256-CBC', '-macalg', 'sha256'],
} as const

/** A PKCS#12 file without a password. Without a key the certificates keep their order. */
export function opensslPfx(
  parts: { readonly key?: KeyObject; readonly certificates: readonly X509Certificate[] },
  flags: readonly string[],
): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'podid-pfx-'))
  try {
    const path = (name: string): string => join(directory, name)
    writeFileSync(path('certificates.pem'), parts.certificates.map(String).join(''))
    if (parts.key) writeFileSync(path('key.pem'), parts.key.export({ type: 'pkcs8', format: 'pem' }))
    const key = parts.key ? ['-inkey', path('key.pem')] : ['-nokeys']
    const args = ['-in', path('certificates.pem'), ...key, '-passout', 'pass:', '-out', path('out.p12')]
    execFileSync('openssl', ['pkcs12', '-export', ...args, ...flags], { stdio: 'pipe' })
    return readFileSync(path('out.p12'))
  } finally {
    rmSync(directory, { recursive: true })
  }
}
