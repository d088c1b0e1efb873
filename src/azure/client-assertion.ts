import { constants, type KeyObject, randomUUID, sign } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { SecretString } from '../base/secret.ts'

/** A certificate with its RSA key, ready to sign. */
export interface ClientCertificate {
  readonly key: KeyObject
  /** SHA-256 of the DER, base64url. */
  readonly thumbprint: string
  /** Base64 DER, leaf first: lets Entra accept a renewed certificate by subject and issuer. */
  readonly chain: readonly string[]
  /** Milliseconds since the epoch. */
  readonly notAfter: number
}

/** Seconds that an assertion is valid, as MSAL has it. */
const LIFETIME = 600

/** Seconds that `nbf` lies back, for a clock that is ahead of Entra's. */
const SKEW = 60

/**
 * JWT that proves the possession of the certificate's key: PS256 with `x5t#S256` and `x5c`, as the newer
 * MSAL libraries send it (private_key_jwt, RFC 7523).
 * @param audience the token endpoint
 */
export function clientAssertion(
  certificate: ClientCertificate,
  claims: { readonly clientId: string; readonly audience: string },
  clock: Clock,
): SecretString {
  const now = Math.floor(clock.now() / 1000)
  const header = { alg: 'PS256', typ: 'JWT', 'x5t#S256': certificate.thumbprint, x5c: certificate.chain }
  const payload = {
    aud: claims.audience,
    iss: claims.clientId,
    sub: claims.clientId,
    jti: randomUUID(),
    nbf: now - SKEW,
    iat: now,
    exp: now + LIFETIME,
  }
  const signed = `${encode(header)}.${encode(payload)}`
  const signature = sign('sha256', Buffer.from(signed), {
    key: certificate.key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  })
  return new SecretString(`${signed}.${signature.toString('base64url')}`)
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
