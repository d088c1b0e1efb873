import type { Clock } from '../base/clock.ts'
import { isApiStatus, KubeAnswerError, KubeApiError } from './connection.ts'
import { type ListTarget, listInPages } from './paged-list.ts'
import type { Rest } from './rest.ts'
import type { StoreFeed, Taken } from './store-feed.ts'
import { parseListPage, type WatchEvent } from './watch-event.ts'
import { readWatch, WATCH_SILENCE_MS, WatchSilenceError } from './watch-stream.ts'

export interface WatchSessionOptions {
  readonly rest: Rest
  readonly clock: Clock
  readonly target: ListTarget
  readonly feed: StoreFeed
  /** The watch runs and the store is as new as the server. */
  readonly running: () => void
  /** A complete list was taken in. */
  readonly listed: () => void
  readonly heard: () => void
  /** An object came that cannot be kept. */
  readonly unusable: () => void
  /** The server's versions are lower than the store's: it was set back to an older state, and is listed anew. */
  readonly setBack: () => void
}

/** Remembers between watches how far the store has come, and how this server lists. */
export interface WatchSession {
  /** Lists if needed, then watches until the server ends it properly. @throws on every other end. */
  run(signal: AbortSignal): Promise<void>
  /** The next run lists anew. */
  startOver(): void
  /** The same, and in another way when it was a list that failed. */
  forgetPosition(): void
}

/**
 * Initial events come one after the other. A server before Kubernetes 1.27 that does not know the
 * parameter may send the objects and never the closing bookmark: then pages are the way.
 */
const INITIAL_SILENCE_MS = 10_000

/** Versions of one server can be compared when they are numbers (Kubernetes 1.35 and later promise it, all do it). */
const DIGITS = /^\d+$/

/** How lists are asked for: as the first part of a watch, in pages because of a fault, or always in pages. */
type ListMode = 'stream' | 'pages once' | 'pages'

export function createWatchSession(options: WatchSessionOptions): WatchSession {
  const { rest, clock, target, feed } = options
  let position: string | undefined
  let mode: ListMode = 'stream'
  let listing = false
  let opened = false
  let doubtful = false

  function took(taken: Taken): void {
    if (taken === 'unusable') options.unusable()
  }

  function endList(resourceVersion: string): void {
    listing = false
    position = resourceVersion
    if (mode === 'pages once') mode = 'stream'
    feed.endList()
    options.running()
    options.listed()
  }

  function onEvent(event: WatchEvent): void {
    if (event.kind === 'error') throw event.error
    if (event.kind === 'bookmark') {
      if (listing && event.initialEventsEnd) endList(event.resourceVersion)
    } else {
      took(event.kind === 'delete' ? feed.delete(event.object) : feed.upsert(event.object))
    }
    if (!listing && event.resourceVersion !== '') position = event.resourceVersion
  }

  async function watch(signal: AbortSignal): Promise<void> {
    const from = position
    opened = false
    if (from === undefined) {
      feed.beginList()
      listing = true
    }
    await readWatch({
      rest,
      clock,
      target,
      resourceVersion: from,
      silenceMs: () => (listing ? INITIAL_SILENCE_MS : WATCH_SILENCE_MS),
      opened: () => {
        opened = true
        options.heard()
        if (!listing) options.running()
      },
      heard: options.heard,
      event: onEvent,
      signal,
    })
    if (listing)
      throw new KubeAnswerError(`GET ${target.path}: the watch ended before its initial events did`)
  }

  async function listByPages(signal: AbortSignal): Promise<void> {
    const resourceVersion = await listInPages(
      rest,
      target,
      { begin: () => feed.beginList(), item: (raw) => took(feed.upsert(raw)) },
      signal,
    )
    options.heard()
    endList(resourceVersion)
  }

  /** What a failed watch says about the way to list; true when the way changed and is worth a try at once. */
  function learn(thrown: unknown): boolean {
    const wasListing = listing
    listing = false
    doubtful = !wasListing
    if (thrown instanceof KubeAnswerError) {
      // Whatever the server could not say line by line, a list may say.
      position = undefined
      if (mode === 'stream') mode = 'pages once'
      return false
    }
    if (!wasListing) return false
    if (isApiStatus(thrown, 400, 422) || thrown instanceof WatchSilenceError) {
      mode = 'pages'
      return true
    }
    // The server took the request and then failed in the stream. One whose etcd is older than 3.4.25 or 3.5.8
    // cannot tell the end of the initial events (error 500, `RequestWatchProgress is disabled`).
    if (!opened || !(thrown instanceof KubeApiError)) return false
    mode = 'pages once'
    return true
  }

  /**
   * Asked after a watch that did not end as agreed. A server whose storage was set back to an older state takes a watch from a version that it has not reached
   * yet, and says nothing until it has. What it knows then is not what the store was made of.
   */
  async function isAhead(from: string, signal: AbortSignal): Promise<boolean> {
    const query = { ...target.query, limit: 1 }
    const page = parseListPage(await rest.getJson(target.path, { query, signal }), `GET ${target.path}`)
    return (
      DIGITS.test(from) && DIGITS.test(page.resourceVersion) && BigInt(from) > BigInt(page.resourceVersion)
    )
  }

  async function checkPosition(signal: AbortSignal): Promise<void> {
    if (position !== undefined && (await isAhead(position, signal))) {
      position = undefined
      options.setBack()
    }
    doubtful = false
  }

  return {
    async run(signal) {
      if (doubtful) await checkPosition(signal)
      if (position === undefined && mode !== 'stream') await listByPages(signal)
      try {
        await watch(signal)
      } catch (thrown) {
        if (!learn(thrown)) throw thrown
        await listByPages(signal)
        await watch(signal)
      }
    },
    startOver() {
      position = undefined
    },
    forgetPosition() {
      if (position === undefined && mode === 'stream') mode = 'pages once'
      position = undefined
    },
  }
}
