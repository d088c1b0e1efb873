import type { Clock } from '../base/clock.ts'
import { DeadlineError, sleep, withDeadline } from '../base/deadline.ts'
import { objectKey } from '../model/names.ts'
import { isTransient, type Refusal, refuse } from '../model/refusal.ts'
import type { AzureIdentity, Pod } from '../model/resources.ts'
import { type Principal, type TokenBroker, TokenError, type TokenRequest } from '../tokens/token-source.ts'
import type { NmiConfig } from './config.ts'
import { createHold, type Hold } from './hold.ts'
import type { Granted, Outcome, Refused } from './outcome.ts'
import type { TokenTarget } from './request-target.ts'
import type { Asker, Standing, Standings } from './standing.ts'
import { podWaitKey, type Waiters } from './waiters.ts'

export interface TokenFlow {
  /** The answer if it needs no wait, decided and served synchronously; else undefined: call `wait`. */
  now(asker: Asker, target: TokenTarget): Outcome | undefined
  /**
   * Waits for what is missing (caller, assignment, token) within the hold limits. Every return from a
   * wait decides anew, so that nothing which was revoked meanwhile is answered. A `patient` client neither
   * gives up nor asks again, and is held longer.
   * @throws the signal's reason when it aborts (the client is gone, or podid stops).
   */
  wait(asker: Asker, target: TokenTarget, signal: AbortSignal, patient?: boolean): Promise<Outcome>
}

type GrantedStanding = Extract<Standing, { kind: 'granted' }>
type WaitingStanding = Extract<Standing, { kind: 'waiting' }>
type UnlearntStanding = Extract<Standing, { kind: 'unlearnt' }>

/** One held request. */
interface Held {
  readonly asker: Asker
  readonly target: TokenTarget
  readonly hold: Hold
  readonly signal: AbortSignal
  /** The caller was waited for; it is done once. */
  settled: boolean
  /** Identities (uid) whose tokens were asked for to learn their object ids, with what went wrong. */
  readonly learnt: Map<string, TokenError | undefined>
}

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

  /** One step from where the request stands; undefined when it must be decided anew. */
  async function step(standing: Standing, held: Held): Promise<Outcome | undefined> {
    switch (standing.kind) {
      case 'refused':
        return standing
      case 'waiting':
        return standing.waitsFor === 'caller' ? settle(standing, held) : hold(standing, held)
      case 'unlearnt':
        return learn(standing, held)
      case 'granted':
      default:
        return fetch(standing, held)
    }
  }

  async function settle(standing: WaitingStanding, held: Held): Promise<Outcome | undefined> {
    if (held.settled) return asRefused(standing)
    held.settled = true
    await held.asker.settle(held.signal)
    return undefined
  }

  /** Waits for an event about the pod, never for a timer of its own. */
  async function hold(standing: WaitingStanding, held: Held): Promise<Outcome | undefined> {
    const { pod, waitsFor } = standing
    const left = pod === undefined || waitsFor === 'caller' ? 0 : held.hold.left(waitsFor)
    if (pod === undefined || left <= 0) return asRefused(standing)
    if (deps.closing()) return { kind: 'refused', pod, refusal: stopping() }
    await waiters.wait(podWaitKey(objectKey(pod.namespace, pod.name)), left, held.signal)
    return undefined
  }

  /** Asks for a token of each identity once, and again of those that IMDS does not know yet. */
  async function learn(standing: UnlearntStanding, held: Held): Promise<Outcome | undefined> {
    const asked = standing.requests.filter(({ principal }) => !held.learnt.has(uidOf(principal)))
    if (asked.length === 0) return unlearnable(standing, held)
    try {
      await inTime(held, (signal) => Promise.all(asked.map((request) => learnOne(request, held, signal))))
      return undefined
    } catch (thrown) {
      if (thrown instanceof DeadlineError) return refused(standing, tooLate())
      throw thrown
    }
  }

  async function learnOne(request: TokenRequest, { learnt }: Held, signal: AbortSignal): Promise<void> {
    try {
      await broker.token(request, signal)
      learnt.set(uidOf(request.principal), undefined)
    } catch (thrown) {
      if (!(thrown instanceof TokenError)) throw thrown
      learnt.set(uidOf(request.principal), thrown)
    }
  }

  /** What was not learnt for a cause that passes may be the identity that is asked for: no final refusal then. */
  async function unlearnable(standing: UnlearntStanding, held: Held): Promise<Outcome | undefined> {
    const failures = standing.requests.flatMap(({ principal }) => {
      const error = held.learnt.get(uidOf(principal))
      return error === undefined || !isTransient(asRefusal(error)) ? [] : [{ uid: uidOf(principal), error }]
    })
    const [first] = failures
    if (first === undefined) return asRefused(standing)
    const lagging = failures.find(({ error }) => error.code === 'identity-unknown-to-imds')
    if (lagging === undefined || !(await mayPass(lagging.error, held)))
      return refused(standing, asRefusal(first.error))
    held.learnt.delete(lagging.uid)
    return undefined
  }

  async function fetch(standing: GrantedStanding, held: Held): Promise<Outcome | undefined> {
    try {
      const tokens = await inTime(held, (signal) => tokensFor(standing, broker, signal))
      const now = standings.of(held.asker, held.target)
      if (isStill(standing, now)) return granted(standing, tokens, false)
      return held.hold.untilEnd() > 0 ? undefined : refused(standing, changedMeanwhile())
    } catch (thrown) {
      if (thrown instanceof DeadlineError) return refused(standing, tooLate())
      if (!(thrown instanceof TokenError)) throw thrown
      if (standing.identity !== undefined && (await mayPass(thrown, held))) return undefined
      return refused(standing, asRefusal(thrown))
    }
  }

  /**
   * ARM says that the identity is on the node and IMDS has not heard of it: it does so within seconds.
   * Pauses and returns true while there is time. In managed mode nobody says that the identity is on the
   * node, so there is nothing to wait for.
   */
  async function mayPass({ code }: TokenError, held: Held): Promise<boolean> {
    if (code !== 'identity-unknown-to-imds' || config.mode !== 'standard') return false
    const left = held.hold.left('imds')
    if (left <= 0 || deps.closing()) return false
    await sleep(clock, Math.min(left, held.hold.nextPauseMs()), held.signal)
    return held.hold.left('imds') > 0
  }

  function inTime<T>({ hold, signal }: Held, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline({ clock, ms: hold.untilEnd(), what: 'the token', parent: signal }, work)
  }

  return {
    now(asker, target) {
      const standing = standings.of(asker, target)
      if (standing.kind === 'refused') return standing
      if (standing.kind !== 'granted' || hasAuxiliaryTenants(standing.identity)) return undefined
      const token = broker.peek(standing.request)
      return token === undefined ? undefined : granted(standing, [token], true)
    },
    async wait(asker, target, signal, patient = false) {
      const hold = createHold(clock, config.hold, patient)
      const held: Held = { asker, target, hold, signal, settled: false, learnt: new Map() }
      for (;;) {
        signal.throwIfAborted()
        const outcome = await step(standings.of(asker, target), held)
        if (outcome !== undefined) return outcome
      }
    },
  }
}

async function tokensFor(
  { identity, request }: GrantedStanding,
  broker: TokenBroker,
  signal: AbortSignal,
): Promise<Granted['tokens']> {
  if (identity === undefined || !hasAuxiliaryTenants(identity)) return [await broker.token(request, signal)]
  return Promise.all([
    broker.token(request, signal),
    ...identity.auxiliaryTenantIds.map((tenantId) => broker.token({ ...request, tenantId }, signal)),
  ])
}

function asRefusal({ code, message, retryAfterSeconds }: TokenError): Refusal {
  return refuse(code, message, retryAfterSeconds)
}

function uidOf(principal: Principal): string {
  return principal.kind === 'node' ? '' : principal.identity.uid
}

/** Only service principals live in several tenants; a managed identity has one. */
function hasAuxiliaryTenants(identity: AzureIdentity | undefined): boolean {
  return identity !== undefined && identity.type !== 0 && identity.auxiliaryTenantIds.length > 0
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

function tooLate(): Refusal {
  return refuse('upstream-unavailable', 'no token came in time')
}

function stopping(): Refusal {
  return refuse('agent-not-ready', 'the node agent is stopping')
}

function granted(
  standing: { pod: Pod; identity?: AzureIdentity },
  tokens: Granted['tokens'],
  cached: boolean,
): Granted {
  const { pod, identity } = standing
  return identity === undefined
    ? { kind: 'granted', pod, tokens, cached }
    : { kind: 'granted', pod, identity, tokens, cached }
}

function refused({ pod, identity }: { pod: Pod; identity?: AzureIdentity }, refusal: Refusal): Refused {
  return identity === undefined
    ? { kind: 'refused', pod, refusal }
    : { kind: 'refused', pod, identity, refusal }
}

function asRefused({ pod, refusal }: Pick<WaitingStanding, 'pod' | 'refusal'>): Refused {
  return pod === undefined ? { kind: 'refused', refusal } : { kind: 'refused', pod, refusal }
}
