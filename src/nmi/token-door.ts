import type { Clock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import { refuse } from '../model/refusal.ts'
import type { Log } from '../telemetry/log.ts'
import type { NmiMetrics } from '../telemetry/nmi-metrics.ts'
import type { Answers } from './answers.ts'
import type { CallerProof, Callers } from './caller.ts'
import { ClientGone, type Exchange, signalOf } from './exchange.ts'
import type { Granted, Outcome, Refused } from './outcome.ts'
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
export type TokenService = (
  exchange: Exchange,
  target: TokenTarget,
  asker: Asker,
  render: (granted: Granted) => string,
) => void

export function createTokenService(deps: TokenServiceDeps): TokenService {
  const { flow, answers, slots, metrics, clock, log, stopping } = deps

  async function held(exchange: Exchange, target: TokenTarget, asker: Asker): Promise<Outcome | undefined> {
    const { signal, release } = signalOf(exchange, stopping)
    try {
      return await flow.wait(asker, target, signal)
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

  async function wait(
    exchange: Exchange,
    target: TokenTarget,
    asker: Asker,
    finish: (outcome: Outcome) => void,
  ): Promise<void> {
    const outcome = await held(exchange, target, asker)
    slots.release(exchange.connection.ends.remoteAddress)
    metrics.waited(outcome?.kind ?? 'gone', (clock.monotonic() - exchange.startedMs) / 1000)
    if (outcome === undefined) return
    try {
      finish(outcome)
    } catch (thrown) {
      answers.fault(exchange, thrown)
    }
  }

  return (exchange, target, asker, render) => {
    const finish = (outcome: Outcome): void => {
      if (outcome.kind === 'granted') answers.granted(exchange, target, outcome, render(outcome))
      else answers.tokenRefused(exchange, target, outcome)
    }
    const now = flow.now(asker, target)
    if (now !== undefined) {
      finish(now)
      return
    }
    const address = exchange.connection.ends.remoteAddress
    if (!slots.take(address)) {
      finish(refused('too-many-connections', 'too many requests of this pod, or of the node, are waiting'))
      return
    }
    void wait(exchange, target, asker, finish)
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
  readonly proof?: CallerProof | undefined
}): (exchange: Exchange, target: TokenTarget) => void {
  const { service, bodies, clock } = deps
  return (exchange, target) => {
    const asker = createPodAsker(exchange.connection, deps)
    service(exchange, target, asker, ({ tokens, identity }) =>
      bodies.of(tokens, { resource: target.resource, clientId: identity?.clientId ?? '' }, clock.now()),
    )
  }
}
