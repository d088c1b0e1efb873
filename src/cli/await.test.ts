import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { KubeApiError } from '../kube/connection.ts'
import type { Rest } from '../kube/rest.ts'
import { silentLog } from '../telemetry/log.ts'
import { awaitDaemonSet } from './await.ts'

interface Look {
  readonly seen?: number
  readonly nodes?: number
  readonly ready?: number
}

/** Waits for a DaemonSet that shows one look after the other, the last for ever. */
function waiting(looks: readonly (Look | Error)[], signal = new AbortController().signal) {
  const clock = new FakeClock()
  const asked: string[] = []
  const rest: Rest = {
    async getJson(path) {
      const look = looks[Math.min(asked.length, looks.length - 1)] ?? {}
      asked.push(path)
      if (look instanceof Error) throw look
      return {
        metadata: { generation: 1 },
        status: {
          observedGeneration: look.seen,
          desiredNumberScheduled: look.nodes,
          numberReady: look.ready,
        },
      }
    },
    open: () => assert.fail('nothing is watched'),
    send: () => assert.fail('nothing is written'),
  }
  const done = awaitDaemonSet(
    { rest, clock, log: silentLog },
    { namespace: 'podid-system', name: 'podid-cleanup', timeoutMs: 10_000 },
    signal,
  )
  return { clock, asked, done }
}

test('a DaemonSet is awaited until every node has a ready pod', async () => {
  const { clock, asked, done } = waiting([
    { seen: 1, nodes: 2, ready: 0 },
    { seen: 1, nodes: 2, ready: 1 },
    { seen: 1, nodes: 2, ready: 2 },
  ])
  await clock.advance(5_000)
  await done
  assert.equal(asked.length, 3)
  assert.equal(asked[0], '/apis/apps/v1/namespaces/podid-system/daemonsets/podid-cleanup')
})

test('numbers say nothing before the controller has looked, and afterwards none means no node', async () => {
  const { clock, asked, done } = waiting([{ nodes: 0, ready: 0 }, {}, { seen: 1, nodes: 0, ready: 0 }])
  await clock.advance(5_000)
  await done
  assert.equal(asked.length, 3)
})

test('a failed look is no end', async () => {
  const { clock, done } = waiting([new KubeApiError(503, '', 'busy'), { seen: 1, nodes: 1, ready: 1 }])
  await clock.advance(2_000)
  await done
})

test('when the time is up the text says how far it came, and how to see more', async () => {
  const { clock, done } = waiting([{ seen: 1, nodes: 3, ready: 1 }])
  const failed = assert.rejects(done, /1 of 3 nodes are done.*get pods -o wide/)
  await clock.advance(11_000)
  await failed
})

test('a stop ends the wait', async () => {
  const stop = new AbortController()
  const { clock, done } = waiting([{ seen: 1, nodes: 3, ready: 1 }], stop.signal)
  const failed = assert.rejects(done, /SIGTERM/)
  await clock.advance(1_000)
  stop.abort(new Error('SIGTERM'))
  await failed
})
