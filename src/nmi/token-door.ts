import type { Clock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import { refuse } from '../model/refusal.ts'
import type { Log } from '../telemetry/log.ts'
import type { NmiMetrics } from '../telemetry/nmi-metrics.ts'
import type { Answers } from './answers.ts'
import type { Callers } from './caller.ts'
import type { Connection } from './connections.ts'
import { ClientGone, type Exchange, signalOf } from './exchange.ts'
import type { Granted, Outcome, Refused } from './outcome.ts'
import { isPatient } from './patience.ts'
import { createPodAsker } from './pod-asker.ts'
import type { TokenTarget } from './request-target.ts'
import type { Asker } from './standing.ts'
import type { TokenBodies } from './token-body.ts'
import type { TokenFlow } from './token-flow.ts'
import type { WaitingSlots } from './waiting-slots.ts'

export interface TokenServiceDeps {
  readonly flow: TokenFlow
  readonly answers: Answers
  readonly slots: WaitingSlots
  readonly metrics: NmiMetrics
  readonly clock: Clock
  readonly log: Log
  /** Aborts when podid has stopped waiting: held requests are answered then. */
  readonly stopping: AbortSignal
}

/** One token request of an asker: at once when it can be, else held. */
export type TokenService = (exchange: Exchange, target: TokenTarget, asker: Asker, render: Render) => void

/** The body of a granted token. */
export type Render = (granted: Granted, target: TokenTarget) => string

export function createTokenService(deps: TokenServiceDeps): TokenService {
  const { flow, answers, slots, metrics, clock, log, stopping } = deps

  async function held(exchange: Exchange, target: TokenTarget, asker: Asker): Promise<Outcome | undefined> {
    const { signal, release } = signalOf(exchange, stopping)
    try {
      return await flow.wait(asker, target, signal, isPatient(exchange.request.headers['user-agent']))
    } catch (thrown) {
      if (thrown instanceof ClientGone || (signal.aborted && signal.reason instanceof ClientGone))
        return undefined
      if (stopping.aborted) return refused('agent-not-ready', 'the node agent is stopping')
      log.error({ requestId: exchange.id, error: errorText(thrown) }, 'a token request failed inside podid')
      return refused('internal-error', 'the request failed inside podid')
    } finally {
      release()
    }
  }

  async function wait(exchange: Exchange, target: TokenTarget, asker: Asker, render: Render): Promise<void> {
    const outcome = await held(exchange, target, asker)
    slots.release(exchange.connection.ends.remoteAddress)
    metrics.waited(outcome?.kind ?? 'gone', (clock.monotonic() - exchange.startedMs) / 1000)
    if (outcome === undefined) return
    try {
      finish(exchange, target, outcome, render)
    } catch (thrown) {
      answers.fault(exchange, thrown)
    }
  }

  function finish(exchange: Exchange, target: TokenTarget, outcome: Outcome, render: Render): void {
    if (outcome.kind === 'granted') answers.granted(exchange, target, outcome, render(outcome, target))
    else answers.tokenRefused(exchange, target, outcome)
  }

  return (exchange, target, asker, render) => {
    const now = flow.now(asker, target)
    if (now !== undefined) {
      finish(exchange, target, now, render)
      return
    }
    const address = exchange.connection.ends.remoteAddress
    if (!slots.take(address)) {
      const refusal = refused(
        'too-many-connections',
        'too many requests of this pod, or of the node, are waiting',
      )
      finish(exchange, target, refusal, render)
      return
    }
    void wait(exchange, target, asker, render)
  }
}

function refused(code: 'agent-not-ready' | 'internal-error' | 'too-many-connections', text: string): Refused {
  return { kind: 'refused', refusal: refuse(code, text) }
}

/** `/metadata/identity/oauth2/token`: the asker is the pod behind the connection. */
export function createTokenDoor(deps: {
  readonly service: TokenService
  readonly callers: Callers
  readonly bodies: TokenBodies
  readonly clock: Clock
}): (exchange: Exchange, target: TokenTarget) => void {
  const { service, bodies, clock } = deps
  const render: Render = ({ tokens, identity }, { resource }) =>
    bodies.of(tokens, { resource, clientId: identity?.clientId ?? '' }, clock.now())
  const askers = new WeakMap<Connection, Asker>()

  function askerOf(connection: Connection): Asker {
    const known = askers.get(connection)
    if (known !== undefined) return known
    const made = createPodAsker(connection, deps)
    askers.set(connection, made)
    return made
  }

  return (exchange, target) => service(exchange, target, askerOf(exchange.connection), render)
}
