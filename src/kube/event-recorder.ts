import type { Clock, Timer } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import { type Component, Owner } from '../base/lifecycle.ts'
import { createPace } from '../base/pace.ts'
import type { KubeMetrics } from '../telemetry/kube-metrics.ts'
import type { Log } from '../telemetry/log.ts'
import { isApiStatus } from './connection.ts'
import { type EventDraft, type EventTarget, eventDraft } from './event-draft.ts'
import type { EventWriter } from './event-writer.ts'

/**
 * Writes Kubernetes Events. `emit` never throws and never waits. Equal Events (object, reason, message)
 * are one Event with a count, also over restarts; what cannot be written is logged and counted.
 */
export interface EventRecorder extends Component {
  emit(target: EventTarget, type: 'Normal' | 'Warning', reason: string, message: string): void
}

export interface EventRecorderOptions {
  readonly writer: EventWriter
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Pick<KubeMetrics, 'eventWritten' | 'eventLost'>
  /** `source.component`, such as `podid-mic`. */
  readonly component: string
}

/** Different Events that are remembered at the same time. */
const MOST_EVENTS = 2_000
/** Writes in a second, in the long run, and at once after a quiet time. */
const PER_SECOND = 10
const BURST = 50
/** An Event that happens again is written again after this time at the earliest. */
const REPEAT_MS = 60_000
interface Remembered {
  readonly draft: Omit<EventDraft, 'count' | 'lastAt'>
  /** Happened and not written yet. */
  unwritten: number
  lastAt: number
  /** As it stands on the server, as far as we know. */
  count: number | undefined
  writtenAt: number
  queued: boolean
  timer: Timer | undefined
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { writer, clock, log, metrics } = options
  const owner = new Owner()
  const events = new Map<string, Remembered>()
  const ready: Remembered[] = []
  let working: Promise<void> | undefined
  const turn = createPace({ clock, perSecond: PER_SECOND, burst: BURST })

  function remember(draft: Remembered['draft']): Remembered | undefined {
    const key = `${draft.namespace}/${draft.name}`
    const known = events.get(key)
    if (known !== undefined) return known
    if (events.size >= MOST_EVENTS && !forgetOne()) return undefined
    const fresh: Remembered = {
      draft,
      unwritten: 0,
      lastAt: 0,
      count: undefined,
      writtenAt: Number.NEGATIVE_INFINITY,
      queued: false,
      timer: undefined,
    }
    events.set(key, fresh)
    return fresh
  }

  /** The oldest one that waits for nothing; it will be found on the server if it comes again. */
  function forgetOne(): boolean {
    for (const [key, each] of events) {
      if (!each.queued) return events.delete(key)
    }
    return false
  }

  function enqueue(event: Remembered): void {
    if (event.queued) return
    event.queued = true
    const wait = event.writtenAt + REPEAT_MS - clock.monotonic()
    if (wait > 0) event.timer = clock.after(wait, () => push(event))
    else push(event)
  }

  function push(event: Remembered): void {
    event.timer = undefined
    ready.push(event)
    working ??= drain().finally(() => {
      working = undefined
    })
  }

  async function drain(): Promise<void> {
    for (let event = ready.shift(); event !== undefined; event = ready.shift()) {
      if (owner.signal.aborted) return
      try {
        await turn(owner.signal)
        event.queued = false
        await write(event)
        metrics.eventWritten()
      } catch (thrown) {
        if (owner.signal.aborted) return
        metrics.eventLost('failed')
        const { target, reason } = event.draft
        log.warn(
          { target: `${target.namespace}/${target.name}`, reason, error: errorText(thrown) },
          'an Event was not written',
        )
      }
    }
  }

  async function write(event: Remembered): Promise<void> {
    const { signal } = owner
    const added = event.unwritten
    event.unwritten = 0
    event.writtenAt = clock.monotonic()
    const draft = (count: number): EventDraft => ({ ...event.draft, lastAt: event.lastAt, count })
    try {
      if (event.count !== undefined && (await patched(draft(event.count + added), signal))) {
        event.count += added
        return
      }
      event.count = await createOrJoin(draft, added, signal)
    } catch (thrown) {
      event.unwritten += added
      event.count = undefined
      throw thrown
    }
  }

  /** False when the server has forgotten the Event (it keeps them for an hour). */
  async function patched(draft: EventDraft, signal: AbortSignal): Promise<boolean> {
    try {
      await writer.patchCount(draft, signal)
      return true
    } catch (thrown) {
      if (isApiStatus(thrown, 404)) return false
      throw thrown
    }
  }

  /** An Event of the same name is the same Event, written before a restart or by the leader before. */
  async function createOrJoin(
    draft: (count: number) => EventDraft,
    added: number,
    signal: AbortSignal,
  ): Promise<number> {
    try {
      await writer.create(draft(added), signal)
      return added
    } catch (thrown) {
      if (!isApiStatus(thrown, 409)) throw thrown
    }
    const count = (await writer.count(draft(added), signal)) + added
    await writer.patchCount(draft(count), signal)
    return count
  }

  owner.own(async () => {
    for (const each of events.values()) each.timer?.cancel()
    ready.length = 0
    await working
  })

  return {
    emit(target, type, reason, message) {
      if (owner.signal.aborted) return
      const draft = eventDraft({ target, type, reason, message }, options.component, clock.now())
      const event = remember(draft)
      if (event === undefined) {
        metrics.eventLost('too many')
        return
      }
      event.unwritten += 1
      event.lastAt = clock.now()
      enqueue(event)
    },
    start: () => Promise.resolve(),
    stop: () => owner.close(),
  }
}
