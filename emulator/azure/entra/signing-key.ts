import { createHash, KeyObject } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'
import { selfSigned } from '../tls/certificate-authority.ts'

/** The key with which the emulated Entra signs access tokens. */
export interface SigningKey {
  readonly kid: string
  readonly publicKey: KeyObject
  /** The key set for `jwks_uri`. */
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>
}

export async function createSigningKey(): Promise<SigningKey> {
  const { keys, certificate } = await selfSigned('accounts.accesscontrol.windows.net')
  const der = Buffer.from(certificate.rawData)
  const kid = createHash('sha1').update(der).digest('base64url')
  const jwk = await exportJWK(keys.publicKey)
  return {
    kid,
    publicKey: KeyObject.from(keys.publicKey),
    jwks: { keys: [{ ...jwk, use: 'sig', kid, x5t: kid, x5c: [der.toString('base64')] }] },
    sign: (claims) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ typ: 'JWT', alg: 'RS256', x5t: kid, kid })
        .sign(keys.privateKey),
  }
}
