import type { HttpAnswer } from '../azure/http-client.ts'
import type { Clock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import { type Refusal, refusalSpec, refuse } from '../model/refusal.ts'
import type { Log } from '../telemetry/log.ts'
import type { NmiMetrics } from '../telemetry/nmi-metrics.ts'
import type { Audit, AuditEntry } from './audit.ts'
import { shortenIds } from './audit.ts'
import { closeAfter, type Exchange } from './exchange.ts'
import { operationOf } from './imds-request.ts'
import type { Granted, Refused } from './outcome.ts'
import { createRateLimit } from './rate-limit.ts'
import { type ReplyRules, send, sendJson, sendRefusal } from './reply.ts'
import type { Target, TokenTarget } from './request-target.ts'

/** The last stage of every request: the bytes, and the books (metrics, audit, log). */
export interface Answers {
  granted(exchange: Exchange, target: TokenTarget, granted: Granted, body: string): void
  tokenRefused(exchange: Exchange, target: TokenTarget, refused: Refused): void
  /** A refusal before anybody asked for a token. */
  refused(exchange: Exchange, target: Target | undefined, refusal: Refusal): void
  metadata(exchange: Exchange, target: Target, answer: HttpAnswer): void
  /** A fault in podid, after which one request fails and the agent goes on. */
  readonly fault: (exchange: Exchange, thrown: unknown) => void
}

/** Log lines about refused requests other than token decisions: hostile clients can make any number. */
const LOGGED_PER_SECOND = 5
const LOGGED_BURST = 50

export function createAnswers(deps: {
  readonly rules: ReplyRules
  readonly metrics: NmiMetrics
  readonly audit: Audit
  readonly log: Log
  readonly clock: Clock
}): Answers {
  const { rules, metrics, audit, log, clock } = deps
  const logged = createRateLimit(clock, { perSecond: LOGGED_PER_SECOND, burst: LOGGED_BURST })

  function book(exchange: Exchange, target: TokenTarget, done: Booked): void {
    const durationMs = clock.monotonic() - exchange.startedMs
    const pod = done.outcome.pod
    metrics.answered({
      operation: operationOf(target),
      status: done.status,
      namespace: pod?.namespace ?? '',
      resource: target.resource,
      seconds: durationMs / 1000,
    })
    audit.record({
      door: target.kind,
      pod,
      address: exchange.connection.ends.remoteAddress,
      identity: done.outcome.identity,
      resource: target.resource,
      outcome: done.code,
      cached: done.cached,
      message: done.message,
      requestId: exchange.id,
      durationMs,
    })
  }

  function note(exchange: Exchange, operation: string, refusal: Refusal): void {
    const address = exchange.connection.ends.remoteAddress
    if (!logged.take()) return
    log.info(
      { operation, code: refusal.code, address, requestId: exchange.id, text: shortenIds(refusal.message) },
      'request refused',
    )
  }

  function refused(exchange: Exchange, target: Target | undefined, refusal: Refusal): void {
    if (closes(exchange, refusal)) closeAfter(exchange.connection, exchange.response)
    const status = sendRefusal(exchange, refusal, rules)
    const operation = operationOf(target)
    const seconds = (clock.monotonic() - exchange.startedMs) / 1000
    metrics.answered({ operation, status, namespace: '', resource: '', seconds })
    if (refusal.code === 'metadata-header-missing') {
      metrics.probed()
      return
    }
    metrics.refused(refusal.code, refusalSpec(refusal.code).blame)
    note(exchange, operation, refusal)
  }

  return {
    refused,
    granted(exchange, target, granted, body) {
      sendJson(exchange, 200, body)
      metrics.tokenServed(granted.cached)
      if (granted.identity === undefined) metrics.exceptionUsed(granted.pod.namespace)
      book(exchange, target, { outcome: granted, status: 200, code: 'granted', cached: granted.cached })
    },
    tokenRefused(exchange, target, refused) {
      const { refusal } = refused
      if (refusal.code === 'caller-not-verified') closeAfter(exchange.connection, exchange.response)
      const status = sendRefusal(exchange, refusal, rules)
      metrics.refused(refusal.code, refusalSpec(refusal.code).blame)
      book(exchange, target, {
        outcome: refused,
        status,
        code: refusal.code,
        cached: false,
        message: refusal.message,
      })
    },
    metadata(exchange, target, { status, contentType, body }) {
      send(exchange, { status, contentType, body })
      const seconds = (clock.monotonic() - exchange.startedMs) / 1000
      metrics.answered({ operation: operationOf(target), status, namespace: '', resource: '', seconds })
    },
    fault: (exchange, thrown) => {
      log.error({ requestId: exchange.id, error: errorText(thrown) }, 'a request failed inside podid')
      refused(exchange, undefined, refuse('internal-error', 'the request failed inside podid'))
    },
  }
}

interface Booked {
  readonly outcome: { readonly pod?: AuditEntry['pod']; readonly identity?: AuditEntry['identity'] }
  readonly status: number
  readonly code: string
  readonly cached: boolean
  readonly message?: string
}

/** After a body that nobody read, or too many connections, the connection is not used again. */
function closes({ connection }: Exchange, { code }: Refusal): boolean {
  return connection.excess || code === 'request-invalid' || code === 'method-not-allowed'
}
