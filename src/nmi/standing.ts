import type { Clock } from '../base/clock.ts'
import { isControllerPod, matchingException } from '../model/exception.ts'
import type { IdentitySelector } from '../model/match.ts'
import { BINDING_LABEL, objectKey } from '../model/names.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import type { RefusalCode } from '../model/refusal-codes.ts'
import type { AzureIdentity, Pod } from '../model/resources.ts'
import type { Log } from '../telemetry/log.ts'
import type { TokenBroker, TokenRequest } from '../tokens/token-source.ts'
import { type AuthorizeRules, authorize, type Decision } from './authorize.ts'
import type { ClusterView } from './cluster-view.ts'
import type { NmiConfig } from './config.ts'
import type { TokenTarget } from './request-target.ts'

/** Who asks, told anew on each call: pods come and go while a request waits. */
export interface Asker {
  now(): AskerFound
  /** Waits a bounded time for the caller to become known. @throws the signal's reason when it aborts. */
  settle(signal: AbortSignal): Promise<void>
}

export type AskerFound =
  | { readonly pod: Pod; readonly refusal?: undefined }
  /** `settles`: waiting may tell more. */
  | { readonly pod?: undefined; readonly refusal: Refusal; readonly settles: boolean }

/** What a waiting request waits for. */
export type WaitsFor = 'caller' | 'object' | 'assignment' | 'young-pod'

/** Where a request stands at this moment, worked out without any wait. */
export type Standing =
  | {
      readonly kind: 'granted'
      readonly pod: Pod
      /** Absent for the node's own identity, given to an excepted pod. */
      readonly identity?: AzureIdentity
      readonly request: TokenRequest
    }
  | { readonly kind: 'refused'; readonly pod?: Pod; readonly refusal: Refusal }
  /** Tokens of these requests tell object ids; with them the refusal may change. */
  | {
      readonly kind: 'unlearnt'
      readonly pod: Pod
      readonly refusal: Refusal
      readonly requests: readonly TokenRequest[]
    }
  /** An event may change the refusal. */
  | { readonly kind: 'waiting'; readonly pod?: Pod; readonly refusal: Refusal; readonly waitsFor: WaitsFor }

/** Refusals that a binding or an identity which is just being created mends. */
const YOUNG_POD_CODES: ReadonlySet<RefusalCode> = new Set(['no-binding', 'identity-missing'])

export interface StandingDeps {
  readonly config: NmiConfig
  readonly view: ClusterView
  readonly broker: Pick<TokenBroker, 'objectIdOf'>
  readonly clock: Clock
  readonly log: Log
}

export interface Standings {
  of(asker: Asker, target: TokenTarget): Standing
  podEnded(pod: Pod): void
}

/** Caller -> exception -> chain of the pod, in that order, on what the watches have told. */
export function createStandings(deps: StandingDeps): Standings {
  const { config, view, clock } = deps
  const rules: AuthorizeRules = {
    mode: config.mode,
    forceNamespaced: config.forceNamespaced,
    requireIdentitySelector: config.requireIdentitySelector,
    objectIdOf: (clientId) => deps.broker.objectIdOf(clientId),
  }
  const warn = ambiguityWarnings(deps.log)

  function waitsFor(
    pod: Pod,
    decision: Extract<Decision, { kind: 'refused' | 'pending' }>,
  ): WaitsFor | undefined {
    if (decision.kind === 'pending') return decision.objectExists ? 'assignment' : 'object'
    if (config.mode === 'managed' || !YOUNG_POD_CODES.has(decision.refusal.code)) return undefined
    return clock.now() - pod.createdAt < config.hold.youngPodMs ? 'young-pod' : undefined
  }

  function ofPod(pod: Pod, target: TokenTarget): Standing {
    if (hasNodeIdentity(pod, view, config)) return asNode(pod, target)
    const decision = authorize(pod, target.selector, view, rules)
    if (decision.kind === 'granted') {
      if (decision.chosenAmong !== undefined) warn.several(pod, decision.chosenAmong)
      const { identity } = decision
      return {
        kind: 'granted',
        pod,
        identity,
        request: tokenRequest({ kind: 'identity', identity }, pod, target),
      }
    }
    const { refusal } = decision
    if (decision.kind === 'unlearnt') {
      const requests = decision.identities.map((identity) =>
        tokenRequest({ kind: 'identity', identity }, pod, target),
      )
      return { kind: 'unlearnt', pod, refusal, requests }
    }
    const reason = waitsFor(pod, decision)
    return reason === undefined
      ? { kind: 'refused', pod, refusal }
      : { kind: 'waiting', pod, refusal, waitsFor: reason }
  }

  return {
    of(asker, target) {
      if (target.resource.trim() === '') {
        return { kind: 'refused', refusal: refuse('resource-missing', 'parameter resource cannot be empty') }
      }
      const found = asker.now()
      if (found.pod !== undefined) return ofPod(found.pod, target)
      const { refusal } = found
      return found.settles ? { kind: 'waiting', refusal, waitsFor: 'caller' } : { kind: 'refused', refusal }
    },
    podEnded: (pod) => warn.podEnded(pod),
  }
}

/**
 * True for pods that bypass the rules: those of an AzurePodIdentityException, and MIC's own, which need
 * the node's identity to talk to ARM. Managed mode has no MIC.
 */
export function hasNodeIdentity(
  pod: Pod,
  view: ClusterView,
  config: Pick<NmiConfig, 'mode' | 'micNamespace'>,
): boolean {
  if (config.mode === 'standard' && isControllerPod(pod, config.micNamespace)) return true
  return matchingException(pod, view.exceptionsOf(pod.namespace)) !== undefined
}

function asNode(pod: Pod, target: TokenTarget): Standing {
  const selector: IdentitySelector = target.selector
  return { kind: 'granted', pod, request: tokenRequest({ kind: 'node', ...selector }, pod, target) }
}

function tokenRequest(principal: TokenRequest['principal'], pod: Pod, target: TokenTarget): TokenRequest {
  const request = { principal, caller: pod.uid, resource: target.resource }
  return target.refusedTokenSha256 === undefined
    ? request
    : { ...request, refusedTokenSha256: target.refusedTokenSha256 }
}

/** Says once for each pod and set of identities that the first of several was taken. */
function ambiguityWarnings(log: Log) {
  const told = new Map<string, string>()
  return {
    several(pod: Pod, among: readonly AzureIdentity[]): void {
      const set = among.map((each) => objectKey(each.namespace, each.name)).join(', ')
      if (told.get(pod.uid) === set) return
      told.set(pod.uid, set)
      log.warn(
        { pod: objectKey(pod.namespace, pod.name), label: pod.labels[BINDING_LABEL], identities: set },
        'several identities are bound to the pod and it names none: the first is given; set client_id to choose',
      )
    },
    podEnded: (pod: Pod): void => {
      told.delete(pod.uid)
    },
  }
}
