import type { HttpAnswer } from '../azure/http-client.ts'
import type { ImdsClient } from '../azure/imds-client.ts'
import type { Clock } from '../base/clock.ts'
import { withDeadline } from '../base/deadline.ts'
import { errorText } from '../base/errors.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import type { Log } from '../telemetry/log.ts'
import { FairLimiter, LimiterError } from '../tokens/fair-limiter.ts'
import type { Answers } from './answers.ts'
import { type Callers, denies } from './caller.ts'
import type { ClusterView } from './cluster-view.ts'
import type { NmiConfig } from './config.ts'
import { ClientGone, type Exchange, signalOf } from './exchange.ts'
import { imdsRequest } from './imds-request.ts'
import type { MetadataTarget } from './request-target.ts'
import { hasNodeIdentity } from './standing.ts'

const IMDS_DEADLINE_MS = 10_000
const MAX_ANSWER_BYTES = 1_048_576

/** IMDS allows 5 requests a second apart from tokens, host processes included; pods share 4 of them evenly. */
const LIMITS = {
  perSecond: 4,
  concurrent: 3,
  concurrentPerCaller: 2,
  queuedPerCaller: 4,
  queued: 32,
  queueMs: 3_000,
}
/** Seconds that a pod without a turn is asked to wait. */
const TURN_RETRY_AFTER = 2

/** What IMDS answers; anything else (an HTML page of a proxy) does not come from it. */
const CONTENT_TYPE = /^(?:application\/json|text\/plain)(?:; ?charset=[\w-]+)?$/i

export type MetadataLimiter = Pick<FairLimiter, 'run'>

export function createMetadataLimiter(clock: Clock): FairLimiter {
  return new FairLimiter({ clock, ...LIMITS })
}

/**
 * Metadata other than tokens, read from IMDS with a request of our own and passed back. With
 * `--block-instance-metadata` only excepted pods get instance metadata.
 */
export function createMetadataDoor(deps: {
  readonly config: NmiConfig
  readonly imds: Pick<ImdsClient, 'get'>
  readonly limiter: MetadataLimiter
  readonly callers: Callers
  readonly view: ClusterView
  readonly answers: Answers
  readonly clock: Clock
  readonly log: Log
  readonly stopping: AbortSignal
}): (exchange: Exchange, target: MetadataTarget) => void {
  const { config, imds, limiter, callers, view, answers, clock, log } = deps

  function isBlocked(exchange: Exchange, target: MetadataTarget): boolean {
    if (!config.blockInstanceMetadata || target.topic !== 'instance') return false
    const { remoteAddress } = exchange.connection.ends
    const { pod } = callers.at(remoteAddress)
    if (pod === undefined || denies(callers.verdict(pod, remoteAddress))) return true
    return !hasNodeIdentity(pod, view, config)
  }

  async function read(exchange: Exchange, target: MetadataTarget): Promise<HttpAnswer | Refusal | undefined> {
    const { signal, release } = signalOf(exchange, deps.stopping)
    try {
      const answer = await withDeadline(
        { clock, ms: IMDS_DEADLINE_MS, what: 'reading metadata from IMDS', parent: signal },
        (bounded) =>
          limiter.run(exchange.connection.ends.remoteAddress, bounded, () =>
            imds.get(imdsRequest(target), bounded),
          ),
      )
      return checked(answer)
    } catch (thrown) {
      if (signal.aborted && signal.reason instanceof ClientGone) return undefined
      if (thrown instanceof LimiterError) return turnedAway()
      log.warn(
        { topic: target.topic, error: errorText(thrown), requestId: exchange.id },
        'IMDS gave no metadata',
      )
      return refuse('upstream-unavailable', `IMDS gave no answer for /metadata/${target.topic}`)
    } finally {
      release()
    }
  }

  async function pass(exchange: Exchange, target: MetadataTarget): Promise<void> {
    const result = await read(exchange, target)
    if (result === undefined) return
    if ('code' in result) answers.refused(exchange, target, result)
    else answers.metadata(exchange, target, result)
  }

  return (exchange, target) => {
    if (isBlocked(exchange, target)) {
      answers.refused(exchange, target, refuse('path-blocked', 'Request blocked by AAD Pod Identity NMI'))
      return
    }
    void pass(exchange, target)
  }
}

function turnedAway(): Refusal {
  return refuse(
    'upstream-throttled',
    'too many metadata requests of this pod, or of the node, wait',
    TURN_RETRY_AFTER,
  )
}

function checked(answer: HttpAnswer): HttpAnswer | Refusal {
  const fits = answer.status >= 200 && answer.status <= 599 && answer.body.byteLength <= MAX_ANSWER_BYTES
  if (fits && CONTENT_TYPE.test(answer.contentType)) {
    // An SDK shows nothing of an error that is not JSON.
    if (answer.status < 400 || /json/i.test(answer.contentType)) return answer
  }
  return refuse(
    'upstream-unavailable',
    `IMDS answered HTTP ${answer.status} with something that is not metadata`,
  )
}
