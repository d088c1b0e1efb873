import type { EntraClient } from '../../azure/entra-client.ts'
import type { ImdsClient } from '../../azure/imds-client.ts'
import { UpstreamError } from '../../azure/upstream-error.ts'
import type { Clock } from '../../base/clock.ts'
import { DeadlineError, withDeadline } from '../../base/deadline.ts'
import { FairLimiter, LimiterError, type LimiterOptions } from '../../tokens/fair-limiter.ts'
import { MountFailure } from '../mount-failure.ts'
import { createRecentMap } from '../recent-map.ts'
import { createFailureHolds } from './failure-holds.ts'
import { type LoginKeys, loginKeys } from './login-key.ts'
import { type ObtainedToken, sha256, vaultToken } from './obtained-token.ts'
import type { PodIdentity } from './pod-identity.ts'
import { loginByServicePrincipal } from './service-principal.ts'
import { createSharedFlights } from './shared-flights.ts'
import { createTokenShelf } from './token-shelf.ts'
import type { VaultLogin, VaultToken, VaultTokens } from './vault-login.ts'
import { loginByVmIdentity } from './vm-identity.ts'
import { concernsServiceAccount, loginByWorkloadIdentity } from './workload-identity.ts'

export interface VaultTokensDeps {
  readonly clock: Clock
  readonly entra: Pick<EntraClient, 'token'>
  readonly imds: Pick<ImdsClient, 'token'>
  readonly podIdentity: Pick<PodIdentity, 'token'>
}

export interface VaultTokensOptions {
  /** Tokens, and failures, that are remembered; 2,000 unless told. */
  readonly maxEntries?: number
}

type PodLogin = Extract<VaultLogin, { kind: 'pod-identity' }>
/** Ways whose tokens are kept here. */
type KeptLogin = Exclude<VaultLogin, PodLogin>

type Limits = Omit<LimiterOptions, 'clock'>

/** Exchanges of this node with Entra; pods of one service account or application share four. */
const ENTRA: Limits = {
  perSecond: 100,
  concurrent: 16,
  concurrentPerCaller: 4,
  queuedPerCaller: 256,
  queued: 1_024,
  queueMs: 20_000,
}

/** NMI leaves IMDS two requests a second; tokens of the node's few identities are kept. */
const IMDS: Limits = { ...ENTRA, perSecond: 2, concurrent: 2, concurrentPerCaller: 1 }

/** The longest login with its queue and tries; NMI holds longer, and its client has a limit of its own. Milliseconds. */
const FLIGHT_MS = 45_000
const POD_FLIGHT_MS = 120_000

/**
 * Tokens of all pods of the node: one login at a time for each, its token kept while more than five minutes of its
 * life are left, its failure told again for some seconds. Tokens of pod identity are not kept: NMI keeps them, and
 * decides at each request whether the pod may still have one.
 */
export function createVaultTokens(
  deps: VaultTokensDeps,
  { maxEntries = 2_000 }: VaultTokensOptions = {},
): VaultTokens & { stop(): void } {
  const { clock } = deps
  const shelf = createTokenShelf(clock, maxEntries)
  const holds = createFailureHolds(clock, maxEntries)
  const flights = createSharedFlights<VaultToken>()
  const limiters = {
    entra: new FairLimiter({ clock, ...ENTRA }),
    imds: new FairLimiter({ clock, ...IMDS }),
  }
  /** Of tokens that the vault refused to a pod: NMI would give them again. */
  const refusedToPod = createRecentMap<string>(maxEntries)

  async function ofPod(login: PodLogin, { exact }: LoginKeys, signal: AbortSignal): Promise<VaultToken> {
    const { pod, resource } = login
    const refused = refusedToPod.get(exact)
    const { issued, clientId, authority } = await deps.podIdentity.token(
      { pod, resource, refusedTokenSha256: refused },
      signal,
    )
    if (refused !== undefined && sha256(issued.value) !== refused) refusedToPod.delete(exact)
    return vaultToken({
      issued,
      clientId,
      way: 'pod identity',
      authority: authority === '' ? '' : `nmi ${authority}`,
    })
  }

  function obtain(login: KeptLogin, signal: AbortSignal): Promise<ObtainedToken> {
    if (login.kind === 'vm-identity') return loginByVmIdentity(deps, login, signal)
    if (login.kind === 'service-principal') return loginByServicePrincipal(deps.entra, login, signal)
    return loginByWorkloadIdentity(deps.entra, login, signal)
  }

  const heldOf = ({ exact, family }: LoginKeys): MountFailure | undefined =>
    holds.get(exact) ?? holds.get(family)

  async function kept(login: KeptLogin, keys: LoginKeys, signal: AbortSignal): Promise<VaultToken> {
    const limiter = login.kind === 'vm-identity' ? limiters.imds : limiters.entra
    try {
      const obtained = await limiter.run(keys.family, signal, () => {
        // Others of the family may have failed while this one waited for its turn.
        throwHeld(heldOf(keys))
        return obtain(login, signal)
      })
      const token = vaultToken(obtained)
      shelf.put(keys.exact, token, obtained.issued)
      holds.succeeded(keys.exact)
      holds.succeeded(keys.family)
      return token
    } catch (thrown) {
      const news = thrown instanceof MountFailure && thrown !== heldOf(keys)
      if (news && !signal.aborted) hold(login, keys, thrown)
      throw thrown
    }
  }

  function hold(login: VaultLogin, { exact, family }: LoginKeys, failure: MountFailure): void {
    const { cause } = failure
    const retryAfter = cause instanceof UpstreamError ? (cause.retryAfterSeconds ?? 0) : 0
    const shared = login.kind !== 'workload-identity' || concernsServiceAccount(cause)
    holds.failed(shared ? family : exact, failure, retryAfter)
  }

  async function fly(login: VaultLogin, keys: LoginKeys, signal: AbortSignal): Promise<VaultToken> {
    const pod = login.kind === 'pod-identity'
    const deadline = { clock, ms: pod ? POD_FLIGHT_MS : FLIGHT_MS, what: 'the login', parent: signal }
    try {
      return await withDeadline(deadline, (within) =>
        login.kind === 'pod-identity' ? ofPod(login, keys, within) : kept(login, keys, within),
      )
    } catch (thrown) {
      throw inWords(thrown)
    }
  }

  return {
    async token(login, signal) {
      signal.throwIfAborted()
      const keys = loginKeys(login)
      const fresh = shelf.fresh(keys.exact)
      if (fresh !== undefined) return fresh
      try {
        throwHeld(heldOf(keys))
        return await flights.join(keys.exact, signal, (within) => fly(login, keys, within))
      } catch (thrown) {
        const passes = thrown instanceof MountFailure && thrown.code === 'identity-unavailable'
        const living = passes ? shelf.living(keys.exact) : undefined
        if (living !== undefined) return living
        throw thrown
      }
    },
    refused(login, token) {
      const { exact } = loginKeys(login)
      if (login.kind === 'pod-identity') refusedToPod.set(exact, sha256(token.value))
      else shelf.drop(exact, token)
    },
    stop() {
      flights.stop(new MountFailure('identity-unavailable', 'the provider is stopping'))
      for (const limiter of Object.values(limiters)) limiter.stop()
    },
  }
}

function throwHeld(failure: MountFailure | undefined): void {
  if (failure !== undefined) throw failure
}

function inWords(thrown: unknown): unknown {
  if (thrown instanceof LimiterError)
    return new MountFailure('identity-unavailable', 'too many logins of this node are under way', {
      cause: thrown,
    })
  if (thrown instanceof DeadlineError)
    return new MountFailure('identity-unavailable', thrown.message, { cause: thrown })
  return thrown
}
