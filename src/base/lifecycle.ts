import { errorText } from './errors.ts'

type Closer = () => void | Promise<void>

/** A part that was built and not started yet. `stop` may be called any number of times. */
export interface Component {
  start(): Promise<void>
  stop(): Promise<void>
}

/**
 * The owner of listeners, timers, watches and servers: what is registered is closed by `close`, last
 * first. A failing closer does not keep the others open; the failures come back as one error.
 */
export class Owner {
  readonly #closers: Closer[] = []
  #closing: Promise<void> | undefined
  readonly #controller = new AbortController()

  /** Aborts when `close` begins: hand it to the work that belongs to this owner. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Registers a closer. After `close` it is called at once, so that nothing is left open by a late start. */
  own(closer: Closer): void {
    if (this.#closing === undefined) {
      this.#closers.push(closer)
      return
    }
    this.#closing = this.#closing.then(closer)
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    this.#controller.abort(new Error('closing'))
    const failures: unknown[] = []
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer()
      } catch (thrown) {
        failures.push(thrown)
      }
    }
    if (failures.length > 0) {
      throw new AggregateError(failures, `closing failed: ${failures.map(errorText).join('; ')}`)
    }
  }
}
