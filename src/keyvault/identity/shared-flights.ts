import { waitUnder } from '../../base/deadline.ts'

/** Logins under way, each shared by all who want the same one. */
export interface SharedFlights<T> {
  /**
   * Joins the flight of the key, or begins it with `work`. Each waits under his own signal; the signal of `work`
   * aborts when the last one has left. A failure is shared.
   * @throws what `work` throws; the signal's reason when it aborts
   */
  join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Ends all flights with this reason. */
  stop(reason: Error): void
}

interface Flight<T> {
  readonly controller: AbortController
  readonly promise: Promise<T>
  passengers: number
}

export function createSharedFlights<T>(): SharedFlights<T> {
  const flights = new Map<string, Flight<T>>()

  function leave(key: string, flight: Flight<T>): void {
    flight.passengers -= 1
    if (flight.passengers > 0 || flights.get(key) !== flight) return
    flights.delete(key)
    flight.controller.abort(new Error('nobody waits for the login any more'))
  }

  function begin(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController()
    const promise = work(controller.signal).finally(() => {
      if (flights.get(key) === flight) flights.delete(key)
    })
    // All may have left when it ends.
    promise.catch(() => {})
    const flight: Flight<T> = { controller, promise, passengers: 0 }
    flights.set(key, flight)
    return flight
  }

  return {
    async join(key, signal, work) {
      signal.throwIfAborted()
      const flight = flights.get(key) ?? begin(key, work)
      flight.passengers += 1
      try {
        return await waitUnder(signal, flight.promise)
      } finally {
        leave(key, flight)
      }
    },
    stop(reason) {
      for (const flight of flights.values()) flight.controller.abort(reason)
      flights.clear()
    },
  }
}
