import { X509Certificate } from 'node:crypto'
import { compactVerify, errors } from 'jose'
import { textField } from '../http/json.ts'
import type { Application } from '../state/directory.ts'
import { aadsts, refuse } from './aadsts.ts'
import { type Assertion, checkTimes } from './assertion.ts'

export interface AssertionExpectation {
  readonly nowMs: number
  /** Values of `aud` that name this token endpoint. */
  readonly audiences: readonly string[]
}

/**
 * Verifies an assertion that a client signed with a certificate of its own: RS256 or PS256, the
 * certificate named by `x5t` (SHA-1) or `x5t#S256`.
 * @throws AadstsRefusal
 */
export async function verifyCertificateAssertion(
  assertion: Assertion,
  app: Application,
  expected: AssertionExpectation,
): Promise<void> {
  if (assertion.issuer.toLowerCase() !== app.clientId || assertion.subject.toLowerCase() !== app.clientId)
    refuse(aadsts.assertionIssuer())
  const wanted = expected.audiences.map(normalAudience)
  if (!assertion.audiences.some((each) => wanted.includes(normalAudience(each))))
    refuse(aadsts.assertionAudience(assertion.audiences.join(' ')))
  checkTimes(assertion, expected.nowMs)
  const certificate = certificateOf(assertion, app)
  try {
    await compactVerify(assertion.jwt, certificate.publicKey, { algorithms: ['RS256', 'PS256'] })
  } catch (thrown) {
    if (thrown instanceof errors.JOSEError) refuse(aadsts.wrongSignature())
    throw thrown
  }
}

function normalAudience(audience: string): string {
  return audience
    .toLowerCase()
    .replace(/^(https:\/\/[^/:]+):\d+/, '$1')
    .replace(/\/+$/, '')
}

function certificateOf(assertion: Assertion, app: Application): X509Certificate {
  const sha1 = hexThumbprint(textField(assertion.header, 'x5t'))
  const sha256 = hexThumbprint(textField(assertion.header, 'x5t#S256'))
  for (const pem of app.certificates) {
    const certificate = new X509Certificate(pem)
    if (sha1 !== undefined && plain(certificate.fingerprint) === sha1) return certificate
    if (sha256 !== undefined && plain(certificate.fingerprint256) === sha256) return certificate
  }
  return refuse(aadsts.unknownKey(app.clientId, (sha1 ?? sha256 ?? '').toUpperCase()))
}

/** Thumbprints come in base64 or base64url, padded or not; Buffer reads all of them. */
function hexThumbprint(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('hex')
}

function plain(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase()
}
