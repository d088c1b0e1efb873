import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createConnection } from 'node:net'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../telemetry/log.ts'
import { createNodeSeat, type NodeSeat } from './node-seat.ts'
import { holderOf } from './succession.ts'

function seatsOf(t: TestContext): { seat: (holder: string) => NodeSeat; name: string } {
  const name = `podid-seat-${randomUUID()}`
  return {
    name,
    seat(holder) {
      const seat = createNodeSeat({ clock: systemClock, log: silentLog, name, holder })
      t.after(() => seat.release())
      return seat
    },
  }
}

test('an agent that lets nobody succeed it keeps its node, and the other one is told who it is', async (t) => {
  const { seat } = seatsOf(t)
  const [first, second] = [seat('first'), seat('second')]
  await first.take()
  await assert.rejects(second.take(), /another node agent runs on this node \(first\)/)
  assert.deepEqual([first.succeeded, second.succeeds], [false, false])
})

test('a successor is let in beside the agent of the node, and inherits the lock when that one leaves', async (t) => {
  const { seat, name } = seatsOf(t)
  const [first, second] = [seat('first'), seat('second')]
  await first.take()
  const asked: string[] = []
  first.onSuccessor(() => {
    asked.push('aside')
    return Promise.resolve(true)
  })
  await second.take(() => {
    asked.push('prepared')
    return Promise.resolve()
  })
  assert.deepEqual(asked, ['prepared', 'aside'])
  assert.deepEqual([first.succeeded, second.succeeds], [true, true])
  const inherited = second.inherited()
  await first.release()
  assert.equal(await inherited, true)
  assert.equal(second.succeeds, false)
  assert.equal(await holderOf(systemClock, name), 'second')
})

test('a successor that ends before has changed nothing: the agent of the node hears of it and may be succeeded again', async (t) => {
  const { seat } = seatsOf(t)
  const [first, second, third] = [seat('first'), seat('second'), seat('third')]
  await first.take()
  const { promise: gone, resolve } = Promise.withResolvers<undefined>()
  first.onSuccessor((signal) => {
    signal.addEventListener('abort', () => resolve(undefined))
    return Promise.resolve(true)
  })
  await second.take()
  await assert.rejects(third.take(), /\(first\)/, 'only one at a time')
  await second.release()
  await gone
  assert.equal(first.succeeded, false)
  const fourth = seat('fourth')
  await fourth.take()
  assert.equal(fourth.succeeds, true)
})

test('who is not let in, or says something else, does not succeed', async (t) => {
  const { seat, name } = seatsOf(t)
  const [first, second] = [seat('first'), seat('second')]
  await first.take()
  first.onSuccessor(() => Promise.resolve(false))
  await assert.rejects(second.take(), /\(first\)/)
  let asked = false
  first.onSuccessor(() => {
    asked = true
    return Promise.resolve(true)
  })
  const stranger = createConnection(`\0${name}`)
  const { promise: closed, resolve } = Promise.withResolvers<undefined>()
  stranger.once('close', () => resolve(undefined))
  stranger.resume().write('hello\n')
  await closed
  assert.deepEqual([asked, first.succeeded], [false, false])
})

test('an agent that is stopped while it succeeds another one leaves the lock to that one', async (t) => {
  const { seat, name } = seatsOf(t)
  const [first, second] = [seat('first'), seat('second')]
  await first.take()
  first.onSuccessor(() => Promise.resolve(true))
  await second.take()
  const inherited = second.inherited()
  await second.release()
  assert.equal(await inherited, false)
  assert.equal(await holderOf(systemClock, name), 'first')
})
