import type { Clock } from '../base/clock.ts'
import { sleep } from '../base/deadline.ts'
import { objectKey } from '../model/names.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import type { AzureIdentity, Pod } from '../model/resources.ts'
import { type AccessToken, type TokenBroker, TokenError } from '../tokens/token-source.ts'
import type { NmiConfig } from './config.ts'
import { createHold, type Hold } from './hold.ts'
import type { TokenTarget } from './request-target.ts'
import type { Asker, Standing, Standings } from './standing.ts'
import { podWaitKey, type Waiters } from './waiters.ts'

/** What one token request came to. */
export type Outcome = Granted | Refused

export interface Granted {
  readonly kind: 'granted'
  readonly pod: Pod
  /** Absent for the node's own identity, given to an excepted pod. */
  readonly identity?: AzureIdentity
  /** One; with auxiliary tenants several, the primary tenant's first. */
  readonly tokens: readonly [AccessToken, ...AccessToken[]]
  readonly cached: boolean
}

export interface Refused {
  readonly kind: 'refused'
  readonly pod?: Pod
  readonly identity?: AzureIdentity
  readonly refusal: Refusal
}

export interface TokenFlow {
  /** The answer if it needs no wait, decided and served synchronously; else undefined: call `wait`. */
  now(asker: Asker, target: TokenTarget): Outcome | undefined
  /**
   * Waits for what is missing (caller, assignment, token) within the hold limits. Every return from a
   * wait decides anew, so that nothing which was revoked meanwhile is answered.
   * @throws the signal's reason when it aborts (the client is gone, or podid stops).
   */
  wait(asker: Asker, target: TokenTarget, signal: AbortSignal): Promise<Outcome>
}

type GrantedStanding = Extract<Standing, { kind: 'granted' }>
type WaitingStanding = Extract<Standing, { kind: 'waiting' }>

export function createTokenFlow(deps: {
  readonly config: NmiConfig
  readonly standings: Standings
  readonly broker: TokenBroker
  readonly waiters: Waiters
  readonly clock: Clock
  /** True from the moment that podid stops: nothing is held any more. */
  readonly closing: () => boolean
}): TokenFlow {
  const { config, standings, broker, waiters, clock } = deps

  /** The token, a refusal, or undefined: IMDS does not know the identity yet and a pause has passed. */
  async function fetch(
    standing: GrantedStanding,
    hold: Hold,
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    try {
      return granted(standing, await tokensFor(standing, broker, signal), false)
    } catch (thrown) {
      if (!(thrown instanceof TokenError)) throw thrown
      const left = hold.left('imds')
      if (mayPass(thrown, standing, config) && left > 0) {
        await sleep(clock, Math.min(left, hold.nextPauseMs()), signal)
        if (hold.left('imds') > 0) return undefined
      }
      return refusedByToken(standing, thrown)
    }
  }

  /** The last word of a waiting request whose time is up; undefined when something has changed. */
  async function hold(
    standing: WaitingStanding,
    hold: Hold,
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    if (standing.waitsFor === 'caller' || standing.pod === undefined) return asRefused(standing)
    const left = hold.left(standing.waitsFor)
    if (left <= 0) return asRefused(standing)
    if (deps.closing())
      return { kind: 'refused', refusal: refuse('agent-not-ready', 'the node agent is stopping') }
    const key = podWaitKey(objectKey(standing.pod.namespace, standing.pod.name))
    await waiters.wait(key, left, signal)
    return undefined
  }

  return {
    now(asker, target) {
      const standing = standings.of(asker, target)
      if (standing.kind === 'refused') return standing
      if (standing.kind === 'waiting' || hasAuxiliaryTenants(standing.identity)) return undefined
      const token = broker.peek(standing.request)
      return token === undefined ? undefined : granted(standing, [token], true)
    },
    async wait(asker, target, signal) {
      const budget = createHold(clock, config.hold)
      let settled = false
      for (;;) {
        signal.throwIfAborted()
        const standing = standings.of(asker, target)
        if (standing.kind === 'refused') return standing
        if (standing.kind === 'waiting') {
          if (standing.waitsFor === 'caller' && !settled) {
            settled = true
            await asker.settle(signal)
            continue
          }
          const outcome = await hold(standing, budget, signal)
          if (outcome !== undefined) return outcome
          continue
        }
        const outcome = await fetch(standing, budget, signal)
        if (outcome === undefined) continue
        if (outcome.kind === 'refused') return outcome
        if (isStill(standing, standings.of(asker, target))) return outcome
        if (budget.left('imds') <= 0) return { kind: 'refused', refusal: changedMeanwhile() }
      }
    },
  }
}

async function tokensFor(
  { identity, request }: GrantedStanding,
  broker: TokenBroker,
  signal: AbortSignal,
): Promise<readonly [AccessToken, ...AccessToken[]]> {
  if (identity === undefined || !hasAuxiliaryTenants(identity)) return [await broker.token(request, signal)]
  return Promise.all([
    broker.token(request, signal),
    ...identity.auxiliaryTenantIds.map((tenantId) => broker.token({ ...request, tenantId }, signal)),
  ])
}

/** Only service principals live in several tenants; a managed identity has one. */
function hasAuxiliaryTenants(identity: AzureIdentity | undefined): boolean {
  return identity !== undefined && identity.type !== 0 && identity.auxiliaryTenantIds.length > 0
}

/**
 * ARM says that the identity is on the node and IMDS has not heard of it: it does so within seconds. In
 * managed mode nobody says that it is on the node, so there is nothing to wait for.
 */
function mayPass(error: TokenError, standing: GrantedStanding, config: NmiConfig): boolean {
  return (
    error.code === 'identity-unknown-to-imds' && config.mode === 'standard' && standing.identity !== undefined
  )
}

/** True when the same identity is still granted to the same pod after the wait for its token. */
function isStill(before: GrantedStanding, now: Standing): boolean {
  return (
    now.kind === 'granted' &&
    now.pod.uid === before.pod.uid &&
    now.identity?.uid === before.identity?.uid &&
    now.identity?.clientId === before.identity?.clientId &&
    now.identity?.resourceId === before.identity?.resourceId
  )
}

function changedMeanwhile(): Refusal {
  return refuse('not-assigned-yet', 'the identity of the pod changed while its token was fetched')
}

function granted(standing: GrantedStanding, tokens: Granted['tokens'], cached: boolean): Granted {
  const { pod, identity } = standing
  return identity === undefined
    ? { kind: 'granted', pod, tokens, cached }
    : { kind: 'granted', pod, identity, tokens, cached }
}

function asRefused({ pod, refusal }: WaitingStanding): Refused {
  return pod === undefined ? { kind: 'refused', refusal } : { kind: 'refused', pod, refusal }
}

function refusedByToken({ pod, identity }: GrantedStanding, error: TokenError): Refused {
  const refusal = refuse(error.code, error.message, error.retryAfterSeconds)
  return identity === undefined
    ? { kind: 'refused', pod, refusal }
    : { kind: 'refused', pod, identity, refusal }
}
