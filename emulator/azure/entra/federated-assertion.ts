import { compactVerify, errors } from 'jose'
import type { Clock } from '../../../src/base/clock.ts'
import { textField } from '../http/json.ts'
import type { FederatedCredential } from '../state/directory.ts'
import type { Settings } from '../state/settings.ts'
import { aadsts, refuse } from './aadsts.ts'
import { type Assertion, checkTimes } from './assertion.ts'
import type { IssuerKeys } from './issuer-keys.ts'

export interface FederationDeps {
  readonly clock: Clock
  readonly settings: Settings
  readonly issuers: IssuerKeys
  /** Issuer of this Entra's own tokens, which may not be used as assertions. */
  readonly ownIssuer: string
}

/**
 * Verifies an external token against the federated credentials of one client: issuer, subject and
 * audience equal to the letter, times, then the signature by the issuer's published keys.
 * @throws AadstsRefusal
 */
export async function verifyFederatedAssertion(
  assertion: Assertion,
  credentials: readonly FederatedCredential[],
  deps: FederationDeps,
  nowMs: number,
): Promise<void> {
  if (assertion.issuer === deps.ownIssuer) refuse(aadsts.ownToken())
  const credential = matching(assertion, credentials)
  if (!isKnownEverywhere(credential, deps))
    refuse(aadsts.noFederatedMatch(assertion.issuer, assertion.subject, assertion.audiences.join(' ')))
  checkTimes(assertion, nowMs)
  await verifySignature(assertion, deps)
}

function matching(assertion: Assertion, credentials: readonly FederatedCredential[]): FederatedCredential {
  const { issuer, subject, audiences } = assertion
  const byIssuer = credentials.filter((each) => each.issuer === issuer)
  if (byIssuer.length === 0) return refuse(aadsts.federatedPart(700211, 'issuer', issuer))
  const bySubject = byIssuer.filter((each) => each.subject === subject)
  if (bySubject.length === 0) {
    const nearly = byIssuer.some((each) => each.subject.toLowerCase() === subject.toLowerCase())
    return refuse(aadsts.federatedPart(nearly ? 7002138 : 700213, 'subject', subject))
  }
  const found = bySubject.find((each) => each.audiences.some((audience) => audiences.includes(audience)))
  return found ?? refuse(aadsts.federatedPart(700212, 'audience', audiences.join(' ')))
}

/** For a while after a write some servers do not know it yet, also after others did. */
function isKnownEverywhere(credential: FederatedCredential, deps: FederationDeps): boolean {
  const { federatedLagMs, federatedFlapMs, federatedFlapChance } = deps.settings
  const age = deps.clock.monotonic() - credential.writtenMs
  if (age < federatedLagMs) return false
  return age >= federatedLagMs + federatedFlapMs || deps.clock.random() >= federatedFlapChance
}

async function verifySignature(assertion: Assertion, deps: FederationDeps): Promise<void> {
  for (const refresh of [false, true]) {
    let keys: Awaited<ReturnType<IssuerKeys['find']>>
    try {
      keys = await deps.issuers.find(assertion.issuer, refresh)
    } catch {
      return refuse(aadsts.issuerUnreachable(assertion.issuer))
    }
    try {
      await compactVerify(assertion.jwt, keys, { algorithms: ['RS256'] })
      return
    } catch (thrown) {
      if (!(thrown instanceof errors.JOSEError)) throw thrown
      // A key that is not in the set may be new: look once more, as Entra does.
      if (thrown instanceof errors.JWKSNoMatchingKey && !refresh) continue
      if (thrown instanceof errors.JWKSNoMatchingKey)
        refuse(aadsts.unknownSigner(textField(assertion.header, 'kid') ?? ''))
      refuse(aadsts.wrongSignature())
    }
  }
}
