import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { silentLog } from '../telemetry/log.ts'
import { KubeApiError } from './connection.ts'
import type { EventDraft, EventTarget } from './event-draft.ts'
import { createEventRecorder } from './event-recorder.ts'
import type { EventWriter } from './event-writer.ts'

const POD: EventTarget = { kind: 'Pod', namespace: 'shop', name: 'web-0', uid: 'uid-1' }

/** Events as the API server keeps them, and every write with its time. */
class EventServer implements EventWriter {
  readonly events = new Map<string, EventDraft>()
  readonly writes: { verb: string; at: number }[] = []
  readonly #clock: FakeClock
  failing: Error | undefined

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  async create(event: EventDraft): Promise<void> {
    this.#note('create')
    if (this.events.has(event.name)) throw new KubeApiError(409, 'AlreadyExists', 'exists')
    this.events.set(event.name, event)
  }

  async count(event: EventDraft): Promise<number> {
    this.#note('get')
    return this.events.get(event.name)?.count ?? 0
  }

  async patchCount(event: EventDraft): Promise<void> {
    this.#note('patch')
    const known = this.events.get(event.name)
    if (known === undefined) throw new KubeApiError(404, 'NotFound', 'gone')
    this.events.set(event.name, { ...known, count: event.count, lastAt: event.lastAt })
  }

  #note(verb: string): void {
    this.writes.push({ verb, at: this.#clock.monotonic() })
    if (this.failing !== undefined) throw this.failing
  }
}

function setUp(t: TestContext, server?: EventServer, clock = new FakeClock()) {
  const api = server ?? new EventServer(clock)
  const lost: string[] = []
  const recorder = createEventRecorder({
    writer: api,
    clock,
    log: silentLog,
    metrics: { eventWritten: () => {}, eventLost: (cause) => lost.push(cause) },
    component: 'podid-mic',
  })
  t.after(() => recorder.stop())
  return { api, clock, recorder, lost, events: () => [...api.events.values()] }
}

test('an Event is written once with its object, reason, message and count', async (t) => {
  const { clock, recorder, events } = setUp(t)
  recorder.emit(POD, 'Warning', 'IdentityMissing', 'no such identity')
  await clock.advance(0)
  const [event] = events()
  assert.equal(events().length, 1)
  assert.deepEqual(event?.target, { apiVersion: 'v1', ...POD })
  assert.deepEqual(
    [event?.namespace, event?.type, event?.reason, event?.message, event?.count],
    ['shop', 'Warning', 'IdentityMissing', 'no such identity', 1],
  )
})

test('a hundred equal failures are one Event and two writes, and its count is right after a minute', async (t) => {
  const { api, clock, recorder, events } = setUp(t)
  for (let each = 0; each < 100; each += 1) recorder.emit(POD, 'Warning', 'NotAssignedYet', 'wait')
  await clock.advance(60_000)
  assert.deepEqual(
    api.writes.map((write) => write.verb),
    ['create'],
  )
  recorder.emit(POD, 'Warning', 'NotAssignedYet', 'wait')
  await clock.advance(60_000)
  assert.deepEqual(
    events().map((event) => event.count),
    [101],
  )
  assert.equal(api.writes.length, 2)
})

test('other messages, reasons and objects are Events of their own', async (t) => {
  const { clock, recorder, events } = setUp(t)
  recorder.emit(POD, 'Warning', 'A', 'one')
  recorder.emit(POD, 'Warning', 'A', 'two')
  recorder.emit(POD, 'Warning', 'B', 'one')
  recorder.emit({ ...POD, uid: 'uid-2' }, 'Warning', 'A', 'one')
  recorder.emit({ ...POD, kind: 'AzureIdentityBinding' }, 'Warning', 'A', 'one')
  await clock.advance(1_000)
  assert.equal(events().length, 5)
})

test('after a restart the same cause adds to the count of the same Event', async (t) => {
  const { api, clock, recorder } = setUp(t)
  recorder.emit(POD, 'Warning', 'A', 'one')
  recorder.emit(POD, 'Warning', 'A', 'one')
  await clock.advance(0)
  await recorder.stop()
  const second = setUp(t, api, clock)
  second.recorder.emit(POD, 'Warning', 'A', 'one')
  await clock.advance(0)
  assert.deepEqual(
    second.events().map((event) => event.count),
    [3],
  )
})

test('an Event that the server forgot is written anew', async (t) => {
  const { api, clock, recorder, events } = setUp(t)
  recorder.emit(POD, 'Warning', 'A', 'one')
  await clock.advance(0)
  api.events.clear()
  recorder.emit(POD, 'Warning', 'A', 'one')
  await clock.advance(60_000)
  assert.deepEqual(
    events().map((event) => event.count),
    [1],
  )
})

test('a server that refuses Events costs the caller nothing; the loss is counted and made up for later', async (t) => {
  const { api, clock, recorder, lost, events } = setUp(t)
  api.failing = new KubeApiError(403, 'Forbidden', 'no')
  recorder.emit(POD, 'Warning', 'A', 'one')
  await clock.advance(0)
  assert.deepEqual(lost, ['failed'])
  api.failing = undefined
  recorder.emit(POD, 'Warning', 'A', 'one')
  await clock.advance(60_000)
  assert.deepEqual(
    events().map((event) => event.count),
    [2],
  )
})

test('a flood is written at ten in a second after a burst of fifty, and what exceeds the memory is counted', async (t) => {
  const { api, clock, recorder, lost } = setUp(t)
  for (let each = 0; each < 2_100; each += 1) recorder.emit(POD, 'Normal', 'A', `message ${each}`)
  assert.equal(lost.length, 100)
  await clock.advance(0)
  assert.ok(api.writes.length <= 51, `${api.writes.length} at once`)
  await clock.advance(10_000)
  assert.ok(api.writes.length > 140 && api.writes.length <= 152, `${api.writes.length} after ten seconds`)
})

test('a text that the API server would refuse as too long is cut between characters', async (t) => {
  const { clock, recorder, events } = setUp(t)
  recorder.emit({ ...POD, name: 'n'.repeat(253) }, 'Warning', 'R'.repeat(300), '日本'.repeat(1_000))
  await clock.advance(0)
  const [event] = events()
  assert.ok(event !== undefined)
  assert.ok(Buffer.byteLength(event.message) <= 1024)
  assert.match(event.message, /^[日本]+\.\.\.$/)
  assert.equal(event.reason.length, 128)
  assert.ok(event.name.length <= 253)
})

test('stop ends all that waits and leaves no timer', async (t) => {
  const { clock, recorder, api } = setUp(t)
  for (let each = 0; each < 200; each += 1) recorder.emit(POD, 'Normal', 'A', `message ${each}`)
  await clock.advance(0)
  recorder.emit(POD, 'Normal', 'A', 'message 0')
  await recorder.stop()
  recorder.emit(POD, 'Normal', 'A', 'after the end')
  const written = api.writes.length
  await clock.advance(120_000)
  assert.equal(api.writes.length, written)
  assert.equal(clock.timers, 0)
})

test('what happens again while its Event is being written is counted later without a third time', async (t) => {
  const { api, clock, recorder, events } = setUp(t)
  const writing = api.create.bind(api)
  api.create = async (draft) => {
    recorder.emit(POD, 'Warning', 'A', 'one')
    await writing(draft)
  }
  recorder.emit(POD, 'Warning', 'A', 'one')
  await clock.advance(120_000)
  assert.deepEqual(
    events().map((event) => event.count),
    [2],
  )
})
