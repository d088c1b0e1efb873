import type { ServerResponse } from 'node:http'
import type { Clock } from '../../../src/base/clock.ts'
import { expired } from '../api-error.ts'
import type { Watch, WatchSink } from '../read/watch.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'

/** Which watches a fault is for; what is left out matches all. */
export interface WatchMatch {
  readonly resource?: string
  readonly user?: string
}

interface OpenWatch {
  readonly definition: ResourceDefinition
  readonly user: string
  readonly response: ServerResponse
  readonly watch: Watch
}

/** A client that leaves so much unread is cut off, as a real server does. */
const MOST_UNREAD_BYTES = 256 * 1024 * 1024

/** The watches that clients hold open. */
export class OpenWatches {
  readonly #open = new Set<OpenWatch>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#open.size
  }

  /** How many watches of a resource are open. */
  count(match: WatchMatch): number {
    return this.#matching(match).length
  }

  /** Opens the stream of one watch. `delayMs`: every line comes that much later. */
  open(
    parts: {
      readonly definition: ResourceDefinition
      readonly user: string
      readonly response: ServerResponse
    },
    delayMs: number,
    start: (sink: WatchSink) => Watch,
  ): void {
    const { response } = parts
    // What there is at the start goes out in one piece: a client may ask for ten thousand objects.
    const first = new LineBuffer(this.#sinkOf(response, delayMs))
    const entry: OpenWatch = { ...parts, watch: start(first) }
    this.#open.add(entry)
    response.once('close', () => {
      this.#open.delete(entry)
      entry.watch.stop()
    })
    first.flush()
  }

  #sinkOf(response: ServerResponse, delayMs: number): WatchSink {
    const later = (work: () => void): void => {
      if (delayMs === 0) {
        work()
        return
      }
      const timer = this.#clock.after(delayMs, work)
      response.once('close', () => timer.cancel())
    }
    return {
      write(line) {
        if (!response.writable) return false
        later(() => void response.write(line))
        return response.writableLength < MOST_UNREAD_BYTES
      },
      end: () => later(() => void response.end()),
    }
  }

  /** Cuts watches off; `midLine` leaves half a JSON line behind. @returns how many. */
  drop(match: WatchMatch, options: { readonly midLine?: boolean } = {}): number {
    const dropped = this.#matching(match)
    for (const { response } of dropped) {
      if (options.midLine !== true) response.destroy()
      else response.write('{"type":"MODIFIED","object":{"kind":"', () => response.destroy())
    }
    return dropped.length
  }

  /** Ends watches the way a server does at their time-out. */
  end(match: WatchMatch): number {
    const ended = this.#matching(match)
    for (const { watch } of ended) watch.stop()
    return ended.length
  }

  /** Tells watches that their version is too old, and ends them. */
  expire(match: WatchMatch): number {
    const told = this.#matching(match)
    for (const { response, watch } of told) {
      const object = expired('The resourceVersion for the provided watch is too old.').status()
      response.write(`${JSON.stringify({ type: 'ERROR', object })}\n`)
      watch.stop()
    }
    return told.length
  }

  bookmark(match: WatchMatch): void {
    for (const { watch } of this.#matching(match)) watch.bookmark()
  }

  #matching(match: WatchMatch): readonly OpenWatch[] {
    return [...this.#open].filter(
      (each) =>
        (match.resource === undefined || each.definition.plural === match.resource) &&
        (match.user === undefined || each.user === match.user),
    )
  }
}

/** Gathers lines until it is flushed, and passes them on from then on. */
class LineBuffer implements WatchSink {
  readonly #sink: WatchSink
  #lines: string[] | undefined = []
  #ended = false

  constructor(sink: WatchSink) {
    this.#sink = sink
  }

  write(line: string): boolean {
    if (this.#lines === undefined) return this.#sink.write(line)
    this.#lines.push(line)
    return true
  }

  end(): void {
    this.#ended = true
    if (this.#lines === undefined) this.#sink.end()
  }

  flush(): void {
    const text = (this.#lines ?? []).join('')
    this.#lines = undefined
    if (text !== '') this.#sink.write(text)
    if (this.#ended) this.#sink.end()
  }
}
