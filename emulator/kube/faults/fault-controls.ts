import type { OpenWatches, WatchMatch } from '../http/open-watches.ts'
import type { Database } from '../storage/database.ts'
import type { Fault } from './fault.ts'
import type { FaultPlan } from './fault-plan.ts'

/** How a test makes the server misbehave. */
export interface FaultControls {
  /** @returns takes the fault back. */
  add(fault: Fault): () => void
  clear(): void
  list(): readonly Fault[]
  /** Cuts open watches off, in the middle of a JSON line if asked. @returns how many. */
  dropWatches(match?: WatchMatch, options?: { readonly midLine?: boolean }): number
  /** Ends open watches in an orderly way. @returns how many. */
  endWatches(match?: WatchMatch): number
  /** Sends a 410 into open watches. @returns how many. */
  expireWatches(match?: WatchMatch): number
  /** Sends a bookmark now to the watches that asked for bookmarks. */
  sendBookmarks(match?: WatchMatch): void
  /** Forgets all history, so that watches and continued lists from before get 410. */
  compact(): void
  openWatches(match?: WatchMatch): number
  /** Stops listening and cuts every connection: the server is down. */
  takeDown(): Promise<void>
  /** Listens again on the same port. */
  bringUp(): Promise<void>
}

export function faultControls(parts: {
  readonly plan: FaultPlan
  readonly watches: OpenWatches
  readonly database: Database
  readonly door: { open(): Promise<void>; close(): Promise<void> }
}): FaultControls {
  const { plan, watches, database, door } = parts
  return {
    add: (fault) => plan.add(fault),
    clear: () => plan.clear(),
    list: () => plan.list(),
    dropWatches: (match = {}, options = {}) => watches.drop(match, options),
    endWatches: (match = {}) => watches.end(match),
    expireWatches: (match = {}) => watches.expire(match),
    sendBookmarks: (match = {}) => watches.bookmark(match),
    compact: () => database.compact(),
    openWatches: (match = {}) => watches.count(match),
    takeDown: () => door.close(),
    bringUp: () => door.open(),
  }
}
