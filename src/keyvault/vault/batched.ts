import { createHash } from 'node:crypto'
import { VaultError } from '../../azure/vault-error.ts'
import type { Clock } from '../../base/clock.ts'
import { waitUnder } from '../../base/deadline.ts'
import { type Answer, type Question, questionKey, type VaultSource } from './question.ts'
import { TurnedAway } from './turned-away.ts'

export interface Batches extends VaultSource {
  /** Flights under way or waiting. */
  readonly flights: number
  /** Ends all flights. */
  stop(): void
}

/** One request for all who may share its answer. */
interface Flight {
  /** Whose token and turn it uses. */
  readonly question: Question
  readonly controller: AbortController
  readonly landing: PromiseWithResolvers<Answer>
  passengers: number
  /** Monotonic milliseconds; undefined while nothing has left for the vault. */
  sentAt: number | undefined
}

/** Flights for one key: the one under way, and the one that takes off when it has landed. */
interface Lane {
  current: Flight
  next: Flight | undefined
}

/**
 * Many who ask the same share one request that is not sent yet when they ask, so nobody gets an answer that is older
 * than the question; those who come later share the next one. A `poll` may ride one that left within `pollMaxAgeMs`.
 * Each waits under its own signal; a flight ends when its last passenger has left.
 */
export function createBatches(inner: VaultSource, pollMaxAgeMs: number, clock: Clock): Batches {
  const lanes = new Map<string, Lane>()

  function board(key: string, question: Question): Flight {
    const lane = lanes.get(key)
    if (lane === undefined) {
      const current = flightFor(question)
      lanes.set(key, { current, next: undefined })
      takeOff(key, current)
      return current
    }
    if (mayRide(lane.current, question)) return lane.current
    lane.next ??= flightFor(question)
    return lane.next
  }

  function mayRide({ sentAt }: Flight, { context }: Question): boolean {
    if (sentAt === undefined) return true
    return context.freshness === 'poll' && clock.monotonic() - sentAt <= pollMaxAgeMs
  }

  function takeOff(key: string, flight: Flight): void {
    const { question, controller, landing } = flight
    const sending = (): void => {
      flight.sentAt ??= clock.monotonic()
    }
    inner
      .ask(question, controller.signal, sending)
      .finally(() => makeWay(key, flight))
      .then(landing.resolve, landing.reject)
  }

  /** The next flight takes off. */
  function makeWay(key: string, landed: Flight): void {
    const lane = lanes.get(key)
    if (lane?.current !== landed) return
    if (lane.next === undefined) {
      lanes.delete(key)
      return
    }
    lane.current = lane.next
    lane.next = undefined
    takeOff(key, lane.current)
  }

  async function ride(key: string, flight: Flight, signal: AbortSignal): Promise<Answer> {
    flight.passengers += 1
    try {
      return await waitUnder(signal, flight.landing.promise)
    } finally {
      flight.passengers -= 1
      if (flight.passengers === 0) abandon(key, flight)
    }
  }

  function abandon(key: string, flight: Flight): void {
    const lane = lanes.get(key)
    if (lane?.next === flight) lane.next = undefined
    if (lane?.current !== flight) return
    flight.controller.abort(new Error('all who asked have left'))
    makeWay(key, flight)
  }

  async function share(key: string, question: Question, signal: AbortSignal): Promise<Shared> {
    const flight = board(key, question)
    const own = flight.question === question
    try {
      const answer = await ride(key, flight, signal)
      return { answer: own ? answer : { ...answer, source: 'shared' } }
    } catch (thrown) {
      if (signal.aborted || own || !isOthers(thrown, flight.question, question)) throw thrown
      return { answer: undefined }
    }
  }

  return {
    async ask(question, signal) {
      signal.throwIfAborted()
      const { answer } = await share(questionKey(question), question, signal)
      if (answer !== undefined) return answer
      const { answer: second } = await share(privateKey(question), question, signal)
      if (second !== undefined) return second
      throw new Error('a private flight cannot fail for others')
    },
    get flights() {
      return [...lanes.values()].reduce((sum, { next }) => sum + (next === undefined ? 1 : 2), 0)
    },
    stop() {
      for (const { current, next } of lanes.values()) {
        current.controller.abort(new Error('podid stops'))
        next?.landing.reject(new Error('podid stops'))
      }
      lanes.clear()
    },
  }
}

/** `answer` is undefined when the flight failed for what its owner brought along. */
interface Shared {
  readonly answer: Answer | undefined
}

function flightFor(question: Question): Flight {
  const landing = Promise.withResolvers<Answer>()
  // Passengers may all have left; then nobody listens, and that is fine.
  landing.promise.catch(() => {})
  return { question, controller: new AbortController(), landing, passengers: 0, sentAt: undefined }
}

/** True for a failure of the owner's token or share, when the passenger has another. */
function isOthers(thrown: unknown, owner: Question, passenger: Question): boolean {
  if (thrown instanceof TurnedAway) return thrown.ownShare && owner.context.pod !== passenger.context.pod
  return (
    thrown instanceof VaultError &&
    thrown.kind === 'unauthorized' &&
    owner.context.token.reveal() !== passenger.context.token.reveal()
  )
}

/** Shared only with the same token and pod. */
function privateKey(question: Question): string {
  const { token, pod } = question.context
  const hash = createHash('sha256').update(token.reveal()).digest('base64')
  return JSON.stringify([questionKey(question), hash, pod])
}
