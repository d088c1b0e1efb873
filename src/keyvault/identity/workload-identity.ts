import type { EntraClient } from '../../azure/entra-client.ts'
import { UpstreamError } from '../../azure/upstream-error.ts'
import { shownId } from '../shown.ts'
import { assertionClaims } from './assertion-claims.ts'
import { loginFailure } from './login-failure.ts'
import type { ObtainedToken } from './obtained-token.ts'
import type { VaultLogin } from './vault-login.ts'

export type WorkloadLogin = Extract<VaultLogin, { kind: 'workload-identity' }>

/** No federated credential, or none with this issuer, audience or subject (the last one: in another case). */
const NO_MATCH: ReadonlySet<number> = new Set([70021, 700211, 700212, 700213, 7002138])

/** Refusals of this one assertion, which say nothing about the next one: its time, form or signature. */
const ABOUT_THE_ASSERTION: ReadonlySet<number> = new Set([700024, 50013, 50027])

/**
 * Changes the service-account token of the pod for a token of the identity whose federated credential trusts it.
 * One try. @throws MountFailure; the signal's reason when it aborts
 */
export async function loginByWorkloadIdentity(
  entra: Pick<EntraClient, 'token'>,
  login: WorkloadLogin,
  signal: AbortSignal,
): Promise<ObtainedToken> {
  const { loginOrigin, tenantId, clientId, resource, assertion } = login
  try {
    const credential = { kind: 'assertion', assertion } as const
    const issued = await entra.token(
      { origin: loginOrigin, tenantId, clientId, resource, credential },
      signal,
    )
    return { issued, way: 'workload identity', clientId, authority: loginOrigin }
  } catch (thrown) {
    const who = `workload identity with client id ${shownId(clientId)} in tenant ${shownId(tenantId)}`
    throw loginFailure(who, thrown, hintOf(login, thrown))
  }
}

/** What the federated credential must say, to the letter; none of it is secret. */
function hintOf({ assertion }: WorkloadLogin, thrown: unknown): string {
  if (!(thrown instanceof UpstreamError) || !NO_MATCH.has(thrown.aadsts ?? 0)) return ''
  const { issuer, subject, audience } = assertionClaims(assertion)
  return `; its federated credential must have issuer ${shownId(issuer)}, subject ${shownId(subject)} and audience ${shownId(audience)}`
}

/** False when another token of the same service account may well be taken. */
export function concernsServiceAccount(thrown: unknown): boolean {
  return !(thrown instanceof UpstreamError) || !ABOUT_THE_ASSERTION.has(thrown.aadsts ?? 0)
}
