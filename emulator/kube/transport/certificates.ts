// The library behind @peculiar/x509 keeps its metadata through this polyfill, which has to come first.
// oxlint-disable-next-line import/no-unassigned-import -- it is imported for its effect
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { Clock } from '../../../src/base/clock.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000

export interface KeyPairPem {
  readonly certificatePem: string
  readonly keyPem: string
}

/** A certificate authority of its own for one emulator. */
export interface Authority {
  readonly certificatePem: string
  /** A server certificate for these names and addresses. */
  serverCertificate(hosts: readonly string[]): Promise<KeyPairPem>
  /** A client certificate: the common name is the user, the organisations are its groups. */
  clientCertificate(user: string, groups: readonly string[]): Promise<KeyPairPem>
}

export async function createAuthority(clock: Clock): Promise<Authority> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=emulated-kubernetes',
    ...validity(clock),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const issue = async (
    subject: string,
    usage: string,
    names: x509.JsonGeneralName[],
  ): Promise<KeyPairPem> => {
    const own = await newKeys()
    const issued = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject,
      issuer: certificate.subject,
      ...validity(clock),
      signingAlgorithm: ALGORITHM,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    })
    return { certificatePem: issued.toString('pem'), keyPem: await keyPem(own.privateKey) }
  }
  return {
    certificatePem: certificate.toString('pem'),
    serverCertificate: (hosts) =>
      issue('CN=kube-apiserver', x509.ExtendedKeyUsage.serverAuth, hosts.map(generalName)),
    clientCertificate: (user, groups) => {
      const organisations = groups.map((each) => ({ O: [each] }))
      const name = new x509.Name([{ CN: [user] }, ...organisations]).toString()
      return issue(name, x509.ExtendedKeyUsage.clientAuth, [])
    },
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

function serial(): string {
  // A serial number is a positive integer: the first bit stays clear.
  const bytes = webcrypto.getRandomValues(new Uint8Array(16))
  bytes[0] = (bytes[0] ?? 0) & 0x7f
  return Buffer.from(bytes).toString('hex')
}

/** An hour back, for clients whose clock is behind. */
function validity(clock: Clock): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(clock.now() - DAY_MS / 24), notAfter: new Date(clock.now() + 365 * DAY_MS) }
}

function generalName(host: string): x509.JsonGeneralName {
  const isAddress = /^[\d.]+$/.test(host) || host.includes(':')
  return { type: isAddress ? 'ip' : 'dns', value: host }
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${der.replaceAll(/.{1,64}/g, '$&\n')}-----END PRIVATE KEY-----\n`
}
