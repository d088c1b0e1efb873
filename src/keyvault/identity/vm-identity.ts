import type { ImdsClient } from '../../azure/imds-client.ts'
import { UpstreamError } from '../../azure/upstream-error.ts'
import { createBackoff } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import { sleep } from '../../base/deadline.ts'
import { shownId } from '../shown.ts'
import { loginFailure } from './login-failure.ts'
import type { ObtainedToken } from './obtained-token.ts'
import type { VaultLogin } from './vault-login.ts'

/** IMDS asks for a second at least after a 5xx. */
const PAUSES = { firstMs: 2_000, maxMs: 4_000 }

/** All tries and pauses together, milliseconds; kubelet asks again after that. */
const TRIES_MS = 10_000

const AUTHORITY = 'imds'

/**
 * A token of the node's own identities, from IMDS. What passes by itself (404, 410, 429, 5xx, no answer) is tried
 * again for some seconds. @throws MountFailure; the signal's reason when it aborts
 */
export async function loginByVmIdentity(
  deps: { readonly imds: Pick<ImdsClient, 'token'>; readonly clock: Clock },
  login: Extract<VaultLogin, { kind: 'vm-identity' }>,
  signal: AbortSignal,
): Promise<ObtainedToken> {
  const { clientId = '', resource } = login
  const selector = { name: 'client_id', value: clientId } as const
  const request = clientId === '' ? { resource } : { resource, selector }
  try {
    const issued = await patiently(deps.clock, signal, () => deps.imds.token(request, signal))
    return { issued, way: 'managed identity of the node', clientId, authority: AUTHORITY }
  } catch (thrown) {
    throw loginFailure(wordsOf(clientId), thrown, hintOf(thrown))
  }
}

async function patiently<T>(clock: Clock, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  const startedAt = clock.monotonic()
  const backoff = createBackoff(clock, PAUSES)
  for (;;) {
    try {
      return await ask()
    } catch (thrown) {
      if (signal.aborted || !passes(thrown)) throw thrown
      const pause = Math.max(backoff.next(), (thrown.retryAfterSeconds ?? 0) * 1_000)
      if (clock.monotonic() - startedAt + pause > TRIES_MS) throw thrown
      await sleep(clock, pause, signal)
    }
  }
}

function passes(thrown: unknown): thrown is UpstreamError {
  return thrown instanceof UpstreamError && (thrown.kind === 'throttled' || thrown.kind === 'unavailable')
}

function wordsOf(clientId: string): string {
  return clientId === ''
    ? 'managed identity of the node'
    : `managed identity of the node with client id ${shownId(clientId)}`
}

function hintOf(thrown: unknown): string {
  const unknown = thrown instanceof UpstreamError && thrown.kind === 'identity-unknown'
  return unknown ? '; assign it to the VM or scale set of the node, or mend userAssignedIdentityID' : ''
}
