import { createBackoff } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { sleep, waitUnder } from '../base/deadline.ts'
import { asError, errorText } from '../base/errors.ts'
import { type Component, Owner } from '../base/lifecycle.ts'
import type { WatchNotice } from '../telemetry/kube-metrics.ts'
import type { Log } from '../telemetry/log.ts'
import { isApiStatus, KubeApiError, KubeUnreachableError } from './connection.ts'
import { collectionPath, type ResourceSpec } from './resource-spec.ts'
import type { Rest } from './rest.ts'
import { ObjectStore, type Store } from './store.ts'
import { createStoreFeed, type Versioned } from './store-feed.ts'
import { createWatchSession } from './watch-session.ts'
import { WatchSilenceError } from './watch-stream.ts'

export interface WatchHealth {
  /** A complete list was taken in, at some time. */
  readonly synced: boolean
  /** Milliseconds since the server was last heard on this watch (bookmarks come each minute); since the start before that. */
  readonly lastHeardMs: number
  /** How often the watch was taken up again. */
  readonly restarts: number
  /** Why the watch does not run at the moment; absent while it runs. */
  readonly lastError?: string
}

export interface WatchedStoreOptions<T extends Versioned> {
  readonly rest: Rest
  readonly spec: ResourceSpec<T>
  readonly namespace?: string
  readonly fieldSelector?: string
  readonly labelSelector?: string
  readonly clock: Clock
  readonly log: Log
  readonly onEvent?: (notice: WatchNotice) => void
}

export interface WatchedStore<T> extends Component {
  readonly store: Store<T>
  health(): WatchHealth
  /**
   * Resolves when the store has taken in a list that was begun after the call, or the first one. A watch that broke
   * without a word may be silent for minutes: who acts on what is not there asks for this first.
   * @throws the signal's reason.
   */
  refresh(signal: AbortSignal): Promise<void>
}

const FIRST_PAUSE_MS = 400
const LONGEST_PAUSE_MS = 30_000
/** A server that asks for more patience than this gets asked again all the same. */
const LONGEST_RETRY_AFTER_MS = 300_000
/** A watch that lived this long was a good one; the next failure starts with short pauses again. */
const GOOD_LIFE_MS = 10_000
/**
 * Failures in a row with one resource version before it is given up for a new list: one when the watch breaks, another
 * when the server is still away after the first pause. A storage is not set back in less time than that, and a server
 * that was merely replaced by its neighbour answers at once.
 */
const MOST_FAILURES = 2

/**
 * Keeps a store equal to a collection of the API server until `stop`: list and watch, for ever. No
 * answer and no fault ends it; while the watch is broken the store keeps what it has.
 */
export function watchStore<T extends Versioned>(options: WatchedStoreOptions<T>): WatchedStore<T> {
  const { clock, spec, log } = options
  const store = new ObjectStore<T>()
  const owner = new Owner()
  const notify = options.onEvent ?? (() => {})
  const backoff = createBackoff(clock, { firstMs: FIRST_PAUSE_MS, maxMs: LONGEST_PAUSE_MS })
  const state = { lastHeard: clock.monotonic(), restarts: 0, failures: 0, lastError: '' }
  /** One life of the watch and the pause after it; a refresh ends them. */
  let turn = new AbortController()
  let listed = Promise.withResolvers<undefined>()

  const session = createWatchSession({
    rest: options.rest,
    clock,
    feed: createStoreFeed(store, spec),
    target: {
      path: collectionPath(spec, options.namespace),
      query: { fieldSelector: options.fieldSelector, labelSelector: options.labelSelector },
    },
    running() {
      state.lastError = ''
    },
    listed() {
      log.info({ resource: spec.name, objects: store.size }, 'watch is in sync')
      notify({ kind: 'synced', objects: store.size })
      listed.resolve(undefined)
      listed = Promise.withResolvers()
    },
    heard() {
      state.lastHeard = clock.monotonic()
      notify({ kind: 'heard' })
    },
    setBack() {
      log.warn({ resource: spec.name }, 'the API server was set back to an older state; listing anew')
    },
    unusable() {
      log.warn({ resource: spec.name }, 'the API server delivered an object without a name')
      notify({ kind: 'unusable' })
    },
  })

  function noteFailure(thrown: unknown): Error {
    const error = asError(thrown)
    state.failures += 1
    state.lastError = errorText(error)
    if (isApiStatus(error, 410) || isDeadEnd(error, state.failures)) session.forgetPosition()
    log.warn({ resource: spec.name, error: state.lastError }, 'the watch broke and is taken up again')
    return error
  }

  function wasGoodLife(started: number): boolean {
    if (clock.monotonic() - started < GOOD_LIFE_MS) return false
    backoff.reset()
    state.failures = 0
    return true
  }

  /** One life of the watch; returns the pause before the next. */
  async function live(signal: AbortSignal): Promise<{ ms: number; error?: Error }> {
    const started = clock.monotonic()
    try {
      await session.run(signal)
      return { ms: wasGoodLife(started) ? 0 : backoff.next() }
    } catch (thrown) {
      signal.throwIfAborted()
      const wasGood = wasGoodLife(started)
      if (wasGood && thrown instanceof WatchSilenceError) {
        log.info({ resource: spec.name }, 'the watch was silent for long and is taken up again')
        return { ms: 0 }
      }
      const error = noteFailure(thrown)
      return { ms: Math.max(backoff.next(), retryAfterMs(error)), error }
    }
  }

  async function liveAndPause(signal: AbortSignal): Promise<void> {
    const pause = await live(signal)
    state.restarts += 1
    notify({ kind: 'pause', ...pause })
    if (pause.ms > 0) await sleep(clock, pause.ms, signal)
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      turn = new AbortController()
      try {
        await liveAndPause(AbortSignal.any([signal, turn.signal]))
      } catch (thrown) {
        signal.throwIfAborted()
        if (!turn.signal.aborted) throw thrown
      }
    }
  }

  let started = false
  return {
    store,
    health: () => ({
      synced: store.synced,
      lastHeardMs: clock.monotonic() - state.lastHeard,
      restarts: state.restarts,
      ...(state.lastError === '' ? {} : { lastError: state.lastError }),
    }),
    async refresh(signal) {
      if (!store.synced) return store.whenSynced(signal)
      session.startOver()
      turn.abort(new Error('listing anew'))
      await waitUnder(signal, listed.promise)
    },
    async start() {
      if (started) return
      started = true
      state.lastHeard = clock.monotonic()
      const ended = run(owner.signal).catch((thrown: unknown) => {
        if (!owner.signal.aborted) throw thrown
      })
      owner.own(() => ended)
    },
    stop: () => owner.close(),
  }
}

function retryAfterMs(error: Error): number {
  if (!(error instanceof KubeApiError)) return 0
  return Math.min(LONGEST_RETRY_AFTER_MS, (error.retryAfterSeconds ?? 0) * 1000)
}

/**
 * A server that was set back to an older state knows nothing of our resource version, or something else by it,
 * and was away for a while before; after a second failure a new list ends it. Not being let in, or having to wait,
 * is no such failure.
 */
function isDeadEnd(error: Error, failures: number): boolean {
  const known = error instanceof KubeApiError || error instanceof KubeUnreachableError
  return known && failures >= MOST_FAILURES && !isApiStatus(error, 401, 403, 429)
}
