import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { makeAssigned } from '../../test/make/objects.ts'
import type { ObjectWriter, WriteOutcome } from '../kube/object-writer.ts'
import { createMicMetrics } from '../telemetry/mic-metrics.ts'
import { createRegistry } from '../telemetry/registry.ts'
import { pacedWriter } from './paced-writer.ts'

const { signal } = new AbortController()
const done: WriteOutcome = { outcome: 'done', uid: 'u', resourceVersion: '1' }

function makePaced(work: (signal: AbortSignal) => Promise<WriteOutcome>, perSecond = 10, burst = 5) {
  const clock = new FakeClock()
  const registry = createRegistry()
  const sent: number[] = []
  const send = (bounded: AbortSignal): Promise<WriteOutcome> => {
    sent.push(clock.monotonic())
    return work(bounded)
  }
  const writer: ObjectWriter = {
    create: (_draft, bounded) => send(bounded),
    replace: (_ref, _draft, bounded) => send(bounded),
    patchStatus: (_ref, _status, bounded) => send(bounded),
    delete: (_ref, bounded) => send(bounded),
    removeFinalizer: (_ref, bounded) => send(bounded),
  }
  const metrics = createMicMetrics(registry)
  return { clock, registry, sent, paced: pacedWriter(writer, { clock, metrics, perSecond, burst }) }
}

test('after a burst writes go out evenly, and a quiet time allows a burst again', async () => {
  const { clock, paced, sent } = makePaced(() => Promise.resolve(done))
  const send = (times: number) =>
    Promise.all(Array.from({ length: times }, () => paced.delete(makeAssigned(), signal)))
  const first = send(15)
  await clock.advance(1_000)
  await first
  assert.deepEqual(sent.filter((at) => at === 0).length, 5)
  assert.equal(sent.at(-1), 1_000)
  await clock.advance(10_000)
  const later = send(5)
  await clock.advance(0)
  await later
  assert.equal(sent.filter((at) => at === 11_000).length, 5)
})

test('a write that fails is counted by its kind', async () => {
  const { paced, registry } = makePaced(() => Promise.reject(new Error('took longer than 30 s')))
  await assert.rejects(paced.removeFinalizer(makeAssigned(), signal), /took longer than/)
  assert.match(
    await registry.metrics(),
    /kubernetes_api_operations_errors_count\{operation_type="assigned_identity_deletion"\} 1/,
  )
})

test('a lost leadership ends the wait for a turn, and nothing is sent', async () => {
  const { paced, sent } = makePaced(() => Promise.resolve(done), 1, 1)
  const controller = new AbortController()
  await paced.delete(makeAssigned(), controller.signal)
  const waiting = Promise.allSettled([paced.delete(makeAssigned(), controller.signal)])
  controller.abort(new Error('lost'))
  const [outcome] = await waiting
  assert.equal(outcome.status, 'rejected')
  assert.equal(sent.length, 1)
})
