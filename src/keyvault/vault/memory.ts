import type { VaultErrorKind } from '../../azure/vault-error.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { type Answer, type Held, isPinned, objectKey, type Question, questionKey } from './question.ts'
import { sizeOf } from './size-of.ts'

export interface MemoryOptions {
  readonly maxBytes: number
  readonly maxEntries: number
  /** How long the newest version and lists are kept, milliseconds. */
  readonly newestMs: number
  /** How long a version by its id is kept, milliseconds. */
  readonly pinnedMs: number
  /** Longest time that a value is kept for when the vault is down, milliseconds. */
  readonly longestMs: number
}

type Remembered = Pick<Answer, 'value' | 'sentAt' | 'readAt'>

interface Entry extends Remembered {
  readonly key: string
  readonly objectKey: string
  readonly bytes: number
  /** `''` the newest, undefined the list. */
  readonly version: string | undefined
  /** Longest that anybody who asked wants it for when the vault is down, milliseconds. */
  wantedMs: number
}

/** What expired is removed within this time, milliseconds. */
const SWEEP_MS = 30_000

/**
 * What readers have read, each for itself: bounded by bytes and entries, the longest unused goes first, and nothing
 * stays in memory longer than somebody may be served from it.
 */
export class VaultMemory {
  readonly #clock: Clock
  readonly #options: MemoryOptions
  /** The one that was used last stands last. */
  readonly #entries = new Map<string, Entry>()
  readonly #byObject = new Map<string, Set<Entry>>()
  /** When what was known of an object was contradicted: what was sent before is not kept afterwards. */
  readonly #forgotten = new Map<string, number>()
  #bytes = 0
  #sweeper: Timer | undefined

  constructor(clock: Clock, options: MemoryOptions) {
    this.#clock = clock
    this.#options = options
  }

  get bytes(): number {
    return this.#bytes
  }

  get entries(): number {
    return this.#entries.size
  }

  /** What this reader read, however old; who asks tells how long it is wanted. */
  recall(question: Question): Remembered | undefined {
    const entry = this.#entries.get(questionKey(question))
    if (entry === undefined) return undefined
    entry.wantedMs = Math.max(entry.wantedMs, this.#wanted(question))
    if (this.#expiresAt(entry) < this.#clock.monotonic()) {
      this.#remove(entry)
      return undefined
    }
    this.#entries.delete(entry.key)
    this.#entries.set(entry.key, entry)
    return entry
  }

  keep(question: Question, { value, sentAt, readAt }: Remembered): void {
    const key = questionKey(question)
    const ofObject = objectKey(question)
    const before = this.#entries.get(key)
    if (before !== undefined && before.sentAt > sentAt) return
    if ((this.#forgotten.get(ofObject) ?? Number.NEGATIVE_INFINITY) >= sentAt) return
    const wantedMs = Math.max(before?.wantedMs ?? 0, this.#wanted(question))
    const bytes = sizeOf(value) + 2 * (key.length + ofObject.length)
    if (before !== undefined) this.#remove(before)
    if (bytes > this.#options.maxBytes) return
    this.#add({
      key,
      objectKey: ofObject,
      bytes,
      value,
      sentAt,
      readAt,
      version: question.version,
      wantedMs,
    })
  }

  /** Removes what a refusal contradicts: the vault says now that it is not there, or not for this reader. */
  forget(question: Question, kind: VaultErrorKind): void {
    const ofObject = objectKey(question)
    this.#forgotten.delete(ofObject)
    this.#forgotten.set(ofObject, this.#clock.monotonic())
    this.#trimForgotten()
    for (const entry of this.#byObject.get(ofObject) ?? []) {
      if (contradicts(question, kind, entry)) this.#remove(entry)
    }
  }

  /** Ends the timer and forgets everything. */
  stop(): void {
    this.#sweeper?.cancel()
    this.#sweeper = undefined
    this.#entries.clear()
    this.#byObject.clear()
    this.#forgotten.clear()
    this.#bytes = 0
  }

  #wanted({ context }: Question): number {
    return Math.min(this.#options.longestMs, Math.max(0, context.lastKnownGoodMs))
  }

  #expiresAt(entry: Entry): number {
    const { newestMs, pinnedMs } = this.#options
    const cachedMs = entry.version === undefined || entry.version === '' ? newestMs : pinnedMs
    return entry.sentAt + Math.max(cachedMs, entry.wantedMs)
  }

  #add(entry: Entry): void {
    this.#entries.set(entry.key, entry)
    const siblings = this.#byObject.get(entry.objectKey) ?? new Set()
    this.#byObject.set(entry.objectKey, siblings.add(entry))
    this.#bytes += entry.bytes
    for (const oldest of this.#entries.values()) {
      if (this.#bytes <= this.#options.maxBytes && this.#entries.size <= this.#options.maxEntries) break
      this.#remove(oldest)
    }
    this.#sweeper ??= this.#clock.after(SWEEP_MS, () => this.#sweep())
  }

  #remove(entry: Entry): void {
    if (!this.#entries.delete(entry.key)) return
    this.#bytes -= entry.bytes
    const siblings = this.#byObject.get(entry.objectKey)
    siblings?.delete(entry)
    if (siblings?.size === 0) this.#byObject.delete(entry.objectKey)
  }

  #sweep(): void {
    this.#sweeper = undefined
    const now = this.#clock.monotonic()
    for (const entry of this.#entries.values()) {
      if (this.#expiresAt(entry) < now) this.#remove(entry)
    }
    if (this.#entries.size > 0) this.#sweeper = this.#clock.after(SWEEP_MS, () => this.#sweep())
  }

  #trimForgotten(): void {
    const oldest =
      this.#forgotten.size > this.#options.maxEntries ? this.#forgotten.keys().next().value : undefined
    if (oldest !== undefined) this.#forgotten.delete(oldest)
  }
}

/**
 * A refused list says nothing of the objects, unless there are none; a refused version says nothing of others, but the
 * newest may be it and lists name it; without a right to the object all of its versions are out of reach.
 */
function contradicts(question: Question, kind: VaultErrorKind, entry: Entry): boolean {
  if (question.version === undefined) return kind === 'not-found' || entry.version === undefined
  if (!isPinned(question)) return true
  if (kind === 'forbidden' || entry.version === undefined) return true
  return versionIn(entry.value) === question.version.toLowerCase()
}

function versionIn(value: Held): string | undefined {
  return 'shelf' in value ? value.version.toLowerCase() : undefined
}
