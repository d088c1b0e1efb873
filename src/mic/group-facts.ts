import type { GroupIdentities } from '../azure/arm.ts'
import { type Backoff, createBackoff } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import type { Refusal } from '../model/refusal.ts'
import { afterChange, type GroupChange } from './group-plan.ts'

/** An identity that ARM rejected on one group: left out of every request until `until` (monotonic). */
interface Trouble {
  refusal: Refusal
  until: number
  readonly backoff: Backoff
}

/** A change of podid's own that ARM may not show yet; `until` is monotonic. */
interface OwnChange {
  readonly isPresent: boolean
  readonly isRenewed: boolean
  readonly until: number
}

const APART = { firstMs: 15_000, maxMs: 600_000 }
const PAUSE = { firstMs: 2_000, maxMs: 120_000 }
/** ARM may go on showing the state before a change that succeeded (eventual consistency); for so long podid knows better. */
const KNOWS_BETTER_MS = 60_000

/** A single 404 may be a fault of ARM's: what is in use is not given up for it. */
const GONE_AFTER_MS = 60_000

/** What MIC knows about the identities of one VM or scale set, between two looks at ARM. */
export class GroupFacts {
  /** The last look, carried on through podid's own changes; undefined when unknown. */
  observed: GroupIdentities | undefined
  /** Monotonic time of the last look. */
  lookedAt = Number.NEGATIVE_INFINITY
  /** A new look at ARM is due whatever is believed. */
  lookDue = true
  /** Why the group as a whole cannot be changed now. */
  refusal: Refusal | undefined
  /** Monotonic time before which ARM is not asked about this group. */
  pausedUntil = 0
  /** Monotonic time at which ARM first said that there is no such VM or scale set, and has since. */
  missingSince: number | undefined
  /** Believed to be there while nothing better is known: what Assigned objects said when MIC started. */
  readonly trusted = new Set<string>()
  /** Being taken off right now: no longer good for any pod, and not yet gone. */
  readonly leaving = new Set<string>()
  /** Protected identities of the last look: they stay, so no object waits for their removal. */
  readonly kept = new Set<string>()
  readonly #clock: Clock
  readonly #since: number
  readonly #troubles = new Map<string, Trouble>()
  readonly #waiters = new Map<string, { seen: string; pods: Set<string> }>()
  readonly #pause: Backoff
  readonly #ownChanges = new Map<string, OwnChange>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.monotonic()
    this.#pause = createBackoff(clock, PAUSE)
  }

  presence(id: string): 'present' | 'absent' | 'unknown' {
    if (this.leaving.has(id)) return 'absent'
    if (this.observed !== undefined) return this.observed.identities.has(id) ? 'present' : 'absent'
    return this.trusted.has(id) ? 'present' : 'unknown'
  }

  /** A change that ARM reported as done. */
  changed({ add, remove }: GroupChange): void {
    const until = this.#clock.monotonic() + KNOWS_BETTER_MS
    for (const id of add) {
      const last = this.#ownChanges.get(id)
      const isRenewed = last?.isPresent === false && last.until > this.#clock.monotonic()
      this.#ownChanges.set(id, { isPresent: true, isRenewed, until })
    }
    for (const id of remove) this.#ownChanges.set(id, { isPresent: false, isRenewed: false, until })
  }

  /** A look at ARM, put right where it shows less than podid's own last changes. */
  corrected(look: GroupIdentities): GroupIdentities {
    const now = this.#clock.monotonic()
    const late: { add: string[]; remove: string[] } = { add: [], remove: [] }
    for (const [id, { isPresent, isRenewed, until }] of this.#ownChanges) {
      if (until <= now) this.#ownChanges.delete(id)
      else if (!isPresent) late.remove.push(id)
      // What the look shows of one that was taken off and put on again may be its former principal.
      else if (isRenewed || !look.identities.has(id)) late.add.push(id)
    }
    return afterChange(late, look)
  }

  /**
   * True when an identity that a look does not show is not there for good. It may still come while an
   * operation runs, or just after a start, when an earlier MIC's last PATCH is not to be seen yet.
   */
  provesAbsence({ provisioningState }: GroupIdentities): boolean {
    const isBusy = /^(?:updating|creating|migrating)$/i.test(provisioningState)
    return !isBusy && this.#clock.monotonic() - this.#since >= KNOWS_BETTER_MS
  }

  /** Milliseconds for which own changes are known better than ARM may show them; undefined when there are none. */
  knowsBetterMs(): number | undefined {
    const until = Math.max(...[...this.#ownChanges.values()].map((each) => each.until))
    const ms = until - this.#clock.monotonic()
    return ms > 0 ? ms : undefined
  }

  /** ARM says that there is no such VM or scale set. @returns true when it has said so for long enough to be believed. */
  noteMissing(): boolean {
    const now = this.#clock.monotonic()
    this.missingSince ??= now
    return now - this.missingSince >= GONE_AFTER_MS
  }

  /** The VM or scale set is gone, and another one of its name starts from nothing. */
  forgetChanges(): void {
    this.#ownChanges.clear()
  }

  /** The outcome of a change is not known: what was sure before and not touched is believed until the next look. */
  forgetObserved(touched: ReadonlySet<string>): void {
    this.trusted.clear()
    for (const id of this.observed?.identities.keys() ?? []) if (!touched.has(id)) this.trusted.add(id)
    this.observed = undefined
    this.lookDue = true
  }

  /** Why a pod does not get this identity here, if there is a reason beyond "it takes its time". */
  refusalFor(id: string): Refusal | undefined {
    return this.#troubles.get(id)?.refusal ?? this.refusal
  }

  hasTrouble(id: string): boolean {
    return this.#troubles.has(id)
  }

  /** True while a rejected identity is not to be tried. */
  isApart(id: string): boolean {
    return (this.#troubles.get(id)?.until ?? 0) > this.#clock.monotonic()
  }

  setApart(id: string, refusal: Refusal): void {
    const known = this.#troubles.get(id)
    const backoff = known?.backoff ?? createBackoff(this.#clock, APART)
    this.#troubles.set(id, { refusal, backoff, until: this.#clock.monotonic() + backoff.next() })
  }

  /** It works, or somebody changed something about it: try at once. */
  clearTrouble(id: string): void {
    this.#troubles.delete(id)
  }

  clearTroubleUnless(id: string, rejected: ReadonlyMap<string, unknown>): void {
    if (!rejected.has(id)) this.#troubles.delete(id)
  }

  /**
   * Nothing is asked for `retryAfterMs`, or for a growing pause. A reason that passes by itself is told
   * when there is no other yet, so that the text stays while they alternate; one that somebody must mend always.
   */
  pause(refusal: Refusal, passes: boolean, retryAfterMs: number | undefined): void {
    if (!passes || this.refusal === undefined) this.refusal = refusal
    this.pausedUntil = this.#clock.monotonic() + Math.max(retryAfterMs ?? 0, this.#pause.next())
  }

  resume(): void {
    this.refusal = undefined
    this.pausedUntil = 0
    this.#pause.reset()
  }

  /**
   * Milliseconds until something that waits for time alone may go on; undefined when nothing does. What was due
   * before `since`, when the work that ends now began, had its turn: it is due again only if it was set apart anew.
   */
  nextDueMs(since: number, relevant: (id: string) => boolean): number | undefined {
    const now = this.#clock.monotonic()
    const isPaused = this.pausedUntil > now
    const dues = isPaused ? [this.pausedUntil] : []
    for (const [id, { until }] of this.#troubles) if (until > since && relevant(id)) dues.push(until)
    return dues.length === 0 ? undefined : Math.max(1, Math.min(...dues) - now)
  }

  /** Identities that are neither wanted nor removable any more leave no trace. */
  keepTroubles(relevant: (id: string) => boolean): void {
    for (const id of this.#troubles.keys()) if (!relevant(id)) this.#troubles.delete(id)
  }

  /** The pod's objects are to be looked at again when what was seen of this identity is no longer so. */
  wait(id: string, podKey: string, seen: string): void {
    const waiting = this.#waiters.get(id)
    if (waiting === undefined) this.#waiters.set(id, { seen, pods: new Set([podKey]) })
    else {
      waiting.pods.add(podKey)
      if (waiting.seen !== seen) waiting.seen = SEEN_DIFFERENTLY
    }
  }

  /** Pods that went away wait for nothing: without this a name of every pod ever seen would stay. */
  keepWaiters(isWaiting: (id: string, podKey: string) => boolean): void {
    for (const [id, { pods }] of this.#waiters) {
      for (const podKey of pods) if (!isWaiting(id, podKey)) pods.delete(podKey)
      if (pods.size === 0) this.#waiters.delete(id)
    }
  }

  /** The pods that saw something else of an identity than `look` says now; they wait no longer. */
  *takeSettled(look: (id: string) => string): Generator<string> {
    for (const [id, { seen, pods }] of this.#waiters) {
      if (look(id) === seen) continue
      this.#waiters.delete(id)
      yield* pods
    }
  }

  get hasWaiters(): boolean {
    return this.#waiters.size > 0
  }
}

const SEEN_DIFFERENTLY = 'differently'
