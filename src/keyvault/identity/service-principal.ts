import type { EntraClient } from '../../azure/entra-client.ts'
import { shownId } from '../shown.ts'
import { loginFailure } from './login-failure.ts'
import type { ObtainedToken } from './obtained-token.ts'
import type { VaultLogin } from './vault-login.ts'

/**
 * Logs in with the client secret of `nodePublishSecretRef`. One try.
 * @throws MountFailure; the signal's reason when it aborts
 */
export async function loginByServicePrincipal(
  entra: Pick<EntraClient, 'token'>,
  login: Extract<VaultLogin, { kind: 'service-principal' }>,
  signal: AbortSignal,
): Promise<ObtainedToken> {
  const { loginOrigin, tenantId, clientId, resource, secret } = login
  try {
    const credential = { kind: 'secret', secret } as const
    const issued = await entra.token(
      { origin: loginOrigin, tenantId, clientId, resource, credential },
      signal,
    )
    return { issued, way: 'service principal', clientId, authority: loginOrigin }
  } catch (thrown) {
    throw loginFailure(
      `service principal with client id ${shownId(clientId)} in tenant ${shownId(tenantId)}`,
      thrown,
    )
  }
}
