import type { Clock } from '../base/clock.ts'
import { withDeadline } from '../base/deadline.ts'
import { errorText } from '../base/errors.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import type { Log } from '../telemetry/log.ts'
import type { Answers } from './answers.ts'
import { type Callers, denies } from './caller.ts'
import type { ClusterView } from './cluster-view.ts'
import type { NmiConfig } from './config.ts'
import { ClientGone, type Exchange, signalOf } from './exchange.ts'
import { type ImdsAnswer, type ImdsClient, imdsRequest } from './imds-request.ts'
import type { MetadataTarget } from './request-target.ts'
import { hasNodeIdentity } from './standing.ts'
import { createWaitingSlots } from './waiting-slots.ts'

const IMDS_DEADLINE_MS = 10_000
const MAX_ANSWER_BYTES = 1_048_576

/** IMDS allows 5 requests a second apart from tokens, so one pod gets two at a time and the node eight. */
const SLOTS = { maxWaiting: 8, maxWaitingPerAddress: 2 }

/** What IMDS answers; anything else (an HTML page of a proxy) does not come from it. */
const CONTENT_TYPE = /^(?:application\/json|text\/plain)(?:; ?charset=[\w-]+)?$/i

/**
 * Metadata other than tokens, read from IMDS with a request of our own and passed back. With
 * `--block-instance-metadata` only excepted pods get instance metadata.
 */
export function createMetadataDoor(deps: {
  readonly config: NmiConfig
  readonly imds: ImdsClient
  readonly callers: Callers
  readonly view: ClusterView
  readonly answers: Answers
  readonly clock: Clock
  readonly log: Log
  readonly stopping: AbortSignal
}): (exchange: Exchange, target: MetadataTarget) => void {
  const { config, imds, callers, view, answers, clock, log } = deps
  const slots = createWaitingSlots(SLOTS)

  function isBlocked(exchange: Exchange, target: MetadataTarget): boolean {
    if (!config.blockInstanceMetadata || target.topic !== 'instance') return false
    const { remoteAddress } = exchange.connection.ends
    const { pod } = callers.at(remoteAddress)
    if (pod === undefined || denies(callers.verdict(pod, remoteAddress))) return true
    return !hasNodeIdentity(pod, view, config)
  }

  async function read(exchange: Exchange, target: MetadataTarget): Promise<ImdsAnswer | Refusal | undefined> {
    const { signal, release } = signalOf(exchange, deps.stopping)
    try {
      const answer = await withDeadline(
        { clock, ms: IMDS_DEADLINE_MS, what: 'reading metadata from IMDS', parent: signal },
        (bounded) => imds.get(imdsRequest(target), bounded),
      )
      return checked(answer)
    } catch (thrown) {
      if (signal.aborted && signal.reason instanceof ClientGone) return undefined
      log.warn(
        { topic: target.topic, error: errorText(thrown), requestId: exchange.id },
        'IMDS gave no metadata',
      )
      return refuse('upstream-unavailable', `IMDS gave no answer for /metadata/${target.topic}`)
    } finally {
      release()
    }
  }

  async function pass(exchange: Exchange, target: MetadataTarget, address: string): Promise<void> {
    const result = await read(exchange, target)
    slots.release(address)
    if (result === undefined) return
    if ('code' in result) answers.refused(exchange, target, result)
    else answers.metadata(exchange, target, result)
  }

  return (exchange, target) => {
    if (isBlocked(exchange, target)) {
      answers.refused(exchange, target, refuse('path-blocked', 'Request blocked by AAD Pod Identity NMI'))
      return
    }
    const address = exchange.connection.ends.remoteAddress
    if (!slots.take(address)) {
      const refusal = refuse(
        'too-many-connections',
        'too many metadata requests of this pod, or of the node, wait',
      )
      answers.refused(exchange, target, refusal)
      return
    }
    void pass(exchange, target, address)
  }
}

function checked(answer: ImdsAnswer): ImdsAnswer | Refusal {
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
