import type { Clock } from '../base/clock.ts'
import { DeadlineError, waitUnder, withDeadline } from '../base/deadline.ts'
import { requestKey } from './token-key.ts'
import { type AccessToken, TokenError, type TokenRequest, type TokenSource } from './token-source.ts'

export interface SingleFlightOptions {
  readonly clock: Clock
  /** Longest flight, milliseconds. */
  readonly flightMs: number
}

export interface Flights extends TokenSource {
  /** True while a request for the same token is under way. */
  inFlight(request: TokenRequest): boolean
  /** Ends all flights. */
  stop(): void
}

interface Flight {
  /** Whose share of the limits it uses. */
  readonly caller: string
  readonly controller: AbortController
  readonly promise: Promise<AccessToken>
  passengers: number
}

/** Flights that one request may join, one after another, while their owners lack a share. */
const MAX_JOINS = 3

/**
 * One request upstream serves all who want the same token meanwhile. Each waits under its own signal;
 * the flight belongs to all of them and ends when the last one has left. A failure is shared and not
 * kept, except that nobody suffers for another pod's used-up share.
 */
export function createSingleFlight(inner: TokenSource, options: SingleFlightOptions): Flights {
  const { clock, flightMs } = options
  const flights = new Map<string, Flight>()

  function takeOff(key: string, request: TokenRequest): Flight {
    const controller = new AbortController()
    const land = (): void => {
      if (flights.get(key) === flight) flights.delete(key)
    }
    const deadline = { clock, ms: flightMs, what: 'the token request', parent: controller.signal }
    const promise = withDeadline(deadline, (signal) => inner.token(request, signal)).then(
      (token) => {
        land()
        return token
      },
      (thrown: unknown) => {
        land()
        throw inWords(thrown)
      },
    )
    // Passengers may all have left; then nobody listens, and that is fine.
    promise.catch(() => {})
    const flight: Flight = { caller: request.caller, controller, promise, passengers: 0 }
    flights.set(key, flight)
    return flight
  }

  async function ride(key: string, flight: Flight, signal: AbortSignal): Promise<AccessToken> {
    flight.passengers += 1
    try {
      return await waitUnder(signal, flight.promise)
    } finally {
      flight.passengers -= 1
      if (flight.passengers === 0 && flights.get(key) === flight) {
        flights.delete(key)
        flight.controller.abort(new Error('all callers have left'))
      }
    }
  }

  return {
    async token(request, signal) {
      signal.throwIfAborted()
      const key = requestKey(request)
      for (let joins = 0; ; joins += 1) {
        const running = flights.get(key)
        if (running === undefined) return ride(key, takeOff(key, request), signal)
        try {
          return await ride(key, running, signal)
        } catch (thrown) {
          const others = thrown instanceof TokenError && thrown.ownShare && running.caller !== request.caller
          if (!others || joins >= MAX_JOINS) throw thrown
        }
      }
    },
    inFlight: (request) => flights.has(requestKey(request)),
    stop() {
      for (const flight of flights.values()) flight.controller.abort(new Error('podid stops'))
      flights.clear()
    },
  }
}

function inWords(thrown: unknown): unknown {
  if (!(thrown instanceof DeadlineError)) return thrown
  return new TokenError('upstream-unavailable', thrown.message, { cause: thrown })
}
