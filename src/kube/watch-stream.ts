import type { Clock } from '../base/clock.ts'
import { createLineSplitter } from './line-splitter.ts'
import type { ListTarget } from './paged-list.ts'
import type { Query, Rest } from './rest.ts'
import { parseWatchEvent, type WatchEvent } from './watch-event.ts'

/** etcd holds no object above 1.5 MB; as JSON it may be some times larger. */
const MOST_LINE_BYTES = 16 * 1024 * 1024

/** The server ends a watch after this many seconds, and up to twice as many. */
const WATCH_SECONDS = 300

/** The silence that a watch is given: the server sends a bookmark about every minute. */
export const WATCH_SILENCE_MS = 150_000

/** Nothing came for too long: a firewall or a dead peer swallowed the connection. */
export class WatchSilenceError extends Error {
  override readonly name = 'WatchSilenceError'
}

export interface WatchStreamOptions {
  readonly rest: Rest
  readonly clock: Clock
  readonly target: ListTarget
  /** Where to go on; undefined asks for all present objects first (`sendInitialEvents`). */
  readonly resourceVersion: string | undefined
  /** Milliseconds of silence that end the watch; asked again after each piece that comes. */
  readonly silenceMs: () => number
  /** The server said yes. */
  readonly opened: () => void
  /** A piece of the answer came. */
  readonly heard: () => void
  readonly event: (event: WatchEvent) => void
  readonly signal: AbortSignal
}

/**
 * One watch, from its request to its end. Returns when the server ended it properly; a line that was
 * cut off by that end is dropped, the next watch brings it again.
 * @throws what Rest throws, KubeAnswerError for garbage, WatchSilenceError, what `event` throws.
 */
export async function readWatch(options: WatchStreamOptions): Promise<void> {
  const { rest, target, clock } = options
  const controller = new AbortController()
  const onParent = (): void => controller.abort(options.signal.reason)
  options.signal.throwIfAborted()
  options.signal.addEventListener('abort', onParent, { once: true })
  const guard = createSilenceGuard(clock, options.silenceMs, (ms) =>
    controller.abort(new WatchSilenceError(`GET ${target.path}: the watch was silent for ${ms} ms`)),
  )
  try {
    const query = watchQuery(options, clock)
    const stream = await rest.open(target.path, { query, signal: controller.signal })
    options.opened()
    guard.start()
    const lines = createLineSplitter(MOST_LINE_BYTES)
    for await (const chunk of stream) {
      guard.heard()
      options.heard()
      for (const line of lines.push(chunk)) options.event(parseWatchEvent(line, `GET ${target.path}`))
    }
  } finally {
    guard.stop()
    options.signal.removeEventListener('abort', onParent)
  }
}

function watchQuery(options: WatchStreamOptions, clock: Clock): Query {
  const common = {
    ...options.target.query,
    watch: true,
    allowWatchBookmarks: true,
    timeoutSeconds: Math.floor(WATCH_SECONDS * (1 + clock.random())),
  }
  return options.resourceVersion === undefined
    ? { ...common, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
    : { ...common, resourceVersion: options.resourceVersion }
}

/** One timer that is set anew only when it fires, so that a busy watch pays nothing for it. */
function createSilenceGuard(clock: Clock, limitMs: () => number, onSilence: (ms: number) => void) {
  let last = clock.monotonic()
  let timer = clock.after(0, () => {})
  const arm = (ms: number): void => {
    timer = clock.after(ms, () => {
      const left = last + limitMs() - clock.monotonic()
      if (left > 0) arm(left)
      else onSilence(limitMs())
    })
  }
  return {
    start(): void {
      last = clock.monotonic()
      timer.cancel()
      arm(limitMs())
    },
    heard(): void {
      last = clock.monotonic()
    },
    stop: (): void => timer.cancel(),
  }
}
