/** What a running system does, told at the moment it does it: tests wait for it and never for time. */
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { withDeadline } from '../../src/base/deadline.ts'

/** Far more than anything here takes; only a test that fails waits so long. */
const LONGEST_MS = 30_000

export class Happenings {
  readonly #listeners = new Set<() => void>()
  #telling = false

  /** Something happened: everybody who waits looks again, once for all that happens in one turn. */
  tell(): void {
    if (this.#telling) return
    this.#telling = true
    setImmediate(() => {
      this.#telling = false
      for (const listener of this.#listeners) listener()
    })
  }

  /**
   * Resolves with what `look` finds, now or after something happened.
   * @throws DeadlineError that names `what`.
   */
  until<T>(what: string, look: () => T | false | undefined): Promise<T> {
    return withDeadline({ clock: systemClock, ms: LONGEST_MS, what }, async () => {
      const { promise, resolve, reject } = Promise.withResolvers<T>()
      const check = (): void => {
        try {
          const found = look()
          if (found !== undefined && found !== false) resolve(found)
        } catch (thrown) {
          reject(thrown instanceof Error ? thrown : new Error(String(thrown)))
        }
      }
      this.#listeners.add(check)
      check()
      try {
        return await promise
      } finally {
        this.#listeners.delete(check)
      }
    })
  }

  /** The system's clock, which tells when it is asked for the time: an emulator stamps all it does. */
  clock(): Clock {
    return {
      ...systemClock,
      now: () => {
        this.tell()
        return systemClock.now()
      },
    }
  }
}
