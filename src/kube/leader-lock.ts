/** Who leads, as candidates write it down for each other. Times are wall clock, for people only. */
export interface LeaderRecord {
  /** Empty when the last holder gave the lock back. */
  readonly holder: string
  /** How long the others must see no change before they may take the lock, milliseconds. */
  readonly leaseDurationMs: number
  /** Milliseconds since the epoch. */
  readonly acquiredAt: number
  readonly renewedAt: number
  /** Changes of the holder. */
  readonly transitions: number
}

/** A record as it stands on the server. */
export interface SeenRecord extends LeaderRecord {
  /** Differs after each renewal; compared for equality only. */
  readonly text: string
  /** The object that holds the record, with its resource version: a write that is based on it. */
  readonly object: Readonly<Record<string, unknown>>
}

/** A place where one record is kept, with optimistic concurrency. */
export interface LeaderLock {
  /** For log lines. */
  readonly name: string
  /** Longest time that a holder may trust one renewal, when another kind of candidate has its own idea of it. */
  readonly longestTrustMs?: number
  /** Undefined when there is no record yet. */
  read(signal: AbortSignal): Promise<SeenRecord | undefined>
  /**
   * Creates the record, or replaces the one that was seen.
   * @throws KubeApiError 409 when somebody else wrote in between.
   */
  write(record: LeaderRecord, seen: SeenRecord | undefined, signal: AbortSignal): Promise<SeenRecord>
}
