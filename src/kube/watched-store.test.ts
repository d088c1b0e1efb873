import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import {
  type Answer,
  json,
  startScriptedApi,
  status,
  stream,
  streamAndEnd,
  streamAndReset,
} from '../../test/fakes/scripted-api.ts'
import { wireBookmark, wireError, wireEvent, wireList, wirePod } from '../../test/make/wire.ts'
import type { Pod } from '../model/resources.ts'
import type { WatchNotice } from '../telemetry/kube-metrics.ts'
import { silentLog } from '../telemetry/log.ts'
import { agentPods } from './resources/pods.ts'
import { createRest } from './rest.ts'
import type { Change } from './store.ts'
import { watchStore } from './watched-store.ts'

const INITIAL = {
  sendInitialEvents: 'true',
  resourceVersionMatch: 'NotOlderThan',
  allowWatchBookmarks: 'true',
}

/** Initial events of the pods, closed by their bookmark. */
function initial(resourceVersion: number, ...pods: unknown[]): string {
  return pods.map((pod) => wireEvent('ADDED', pod)).join('') + wireBookmark(resourceVersion, true)
}

/**
 * A started watch against a script. Pauses between two tries pass at once, and `until` waits for a
 * condition that a notice or a change of the store brings about.
 */
async function startWatch(t: TestContext, ...script: Answer[]) {
  const api = await startScriptedApi(...script)
  const clock = new FakeClock()
  const pauses: { ms: number; error?: Error }[] = []
  const changes: Change<Pod>[] = []
  const wakers = new Set<() => void>()
  const wake = (): void => {
    for (const each of wakers) each()
  }
  const watched = watchStore({
    rest: createRest(api.connection(), clock),
    spec: agentPods(),
    clock,
    log: silentLog,
    onEvent(notice: WatchNotice) {
      if (notice.kind === 'pause') {
        pauses.push(notice)
        setImmediate(() => void clock.advance(notice.ms))
      }
      setImmediate(wake)
    },
  })
  watched.store.subscribe((change) => {
    changes.push(change)
  })
  t.after(async () => {
    await watched.stop()
    await api.close()
  })
  await watched.start()
  const until = (condition: () => boolean): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const check = (): void => {
      if (!condition()) return
      wakers.delete(check)
      resolve(undefined)
    }
    wakers.add(check)
    check()
    return promise
  }
  const names = (): string[] => [...watched.store.values()].map((pod) => pod.name).sort()
  return { api, clock, watched, pauses, changes, until, names }
}

test('the first request asks for the present objects as a stream with bookmarks', async (t) => {
  const { api, watched, until, names } = await startWatch(
    t,
    stream(initial(9, wirePod('a', 1), wirePod('b', 2))),
  )
  await until(() => watched.store.synced)
  const asked = Object.fromEntries(api.asked[0]?.query ?? [])
  assert.equal(api.asked[0]?.path, '/api/v1/pods')
  assert.equal(asked['watch'], 'true')
  for (const [name, value] of Object.entries(INITIAL)) assert.equal(asked[name], value)
  const seconds = Number(asked['timeoutSeconds'])
  assert.ok(seconds >= 300 && seconds < 600, 'the server is told to end the watch after 5 to 10 minutes')
  assert.deepEqual(names(), ['a', 'b'])
  assert.equal(watched.health().lastError, undefined)
})

test('a watch that the server ends goes on from the last bookmark', async (t) => {
  const { api, watched, until } = await startWatch(
    t,
    streamAndEnd(initial(9, wirePod('a', 1)), wireBookmark(30)),
    stream(wireBookmark(31)),
  )
  await until(() => watched.health().restarts === 1 && api.asked.length === 2)
  assert.equal(api.asked[1]?.query.get('resourceVersion'), '30')
  assert.equal(api.asked[1]?.query.get('sendInitialEvents'), null)
})

test('a watch that breaks goes on from its last event, and the store keeps its objects meanwhile', async (t) => {
  const { api, until, names, pauses } = await startWatch(
    t,
    streamAndReset(initial(9, wirePod('a', 1)), wireEvent('ADDED', wirePod('b', 12))),
    json(200, wireList([wirePod('a', 1)], 12)),
    stream(wireEvent('DELETED', wirePod('a', 13))),
  )
  await until(() => pauses.length === 1)
  assert.deepEqual(names(), ['a', 'b'])
  await until(() => names().join() === 'b')
  assert.equal(api.asked[1]?.query.get('limit'), '1', 'is the server still where it was?')
  assert.equal(api.asked[2]?.query.get('resourceVersion'), '12')
})

for (const [code, reason] of [
  [422, 'Invalid'],
  [400, 'BadRequest'],
] as const) {
  test(`a server that answers ${code} to a streamed list is listed in pages of 500, at once`, async (t) => {
    const { api, watched, until, names, pauses } = await startWatch(
      t,
      status(code, reason),
      json(200, wireList([wirePod('a', 1)], 7, 'more')),
      json(200, wireList([wirePod('b', 2)], 7)),
      stream(wireEvent('ADDED', wirePod('c', 8))),
    )
    await until(() => names().length === 3)
    assert.deepEqual(pauses, [])
    assert.equal(watched.store.synced, true)
    assert.equal(api.asked[1]?.query.get('limit'), '500')
    assert.equal(api.asked[2]?.query.get('continue'), 'more')
    assert.equal(api.asked[3]?.query.get('resourceVersion'), '7')
  })
}

test('a server that fails inside the streamed list is listed in pages, at once', async (t) => {
  const { api, watched, until, names, pauses } = await startWatch(
    t,
    streamAndEnd(wireEvent('ADDED', wirePod('gone', 1)) + wireError(500, 'InternalError')),
    json(200, wireList([wirePod('a', 1)], 7)),
    streamAndEnd(wireEvent('ADDED', wirePod('b', 8)) + wireError(410, 'Expired')),
    stream(initial(9, wirePod('b', 8))),
  )
  await until(() => watched.store.synced)
  assert.deepEqual([names(), pauses], [['a'], []])
  await until(() => names().join() === 'b')
  assert.equal(api.asked[2]?.query.get('resourceVersion'), '7')
  assert.equal(api.asked[3]?.query.get('sendInitialEvents'), 'true', 'the next list is a stream again')
})

test('an old server that ignores the parameter and never ends its initial events is listed in pages', async (t) => {
  const { api, clock, watched, until, names } = await startWatch(
    t,
    stream(wireEvent('ADDED', wirePod('a', 1))),
    json(200, wireList([wirePod('a', 1), wirePod('b', 2)], 7)),
    stream(wireBookmark(8)),
  )
  await until(() => names().length === 1)
  assert.equal(watched.store.synced, false)
  await clock.advance(10_000)
  await until(() => watched.store.synced)
  assert.deepEqual(names(), ['a', 'b'])
  await until(() => api.asked.length === 3)
})

test('a list whose continue expired begins anew, and only what the whole list names is kept', async (t) => {
  const { api, until, names } = await startWatch(
    t,
    status(422, 'Invalid'),
    json(200, wireList([wirePod('gone', 1), wirePod('a', 1)], 7, 'more')),
    status(410, 'Expired'),
    json(200, wireList([wirePod('a', 1)], 9, 'next')),
    json(200, wireList([wirePod('b', 2)], 9)),
    stream(wireBookmark(9)),
  )
  await until(() => api.asked.length === 6)
  assert.deepEqual(names(), ['a', 'b'])
  assert.equal(api.asked[3]?.query.get('continue'), null)
})

for (const [how, gone] of [
  ['an answer', status(410, 'Gone')],
  ['an event', stream(wireError(410, 'Expired'))],
] as const) {
  test(`410 Gone as ${how} leads to a new list that delivers only differences`, async (t) => {
    const { api, until, changes, names } = await startWatch(
      t,
      streamAndEnd(initial(9, wirePod('same', 1), wirePod('gone', 2), wirePod('changed', 3))),
      gone,
      stream(initial(50, wirePod('same', 1), wirePod('changed', 40), wirePod('new', 41))),
    )
    await until(() => names().includes('new') && names().length === 3)
    assert.equal(api.asked[2]?.query.get('sendInitialEvents'), 'true')
    assert.equal(api.asked[2]?.query.get('resourceVersion'), null)
    const after = changes
      .slice(3)
      .map((change) => [change.key, change.before !== undefined, change.after !== undefined])
    assert.deepEqual(after, [
      ['default/changed', true, true],
      ['default/new', false, true],
      ['default/gone', true, false],
    ])
  })
}

test('a list that breaks off half-way begins anew, and is not taken for a whole one', async (t) => {
  const { api, until, watched, names } = await startWatch(
    t,
    streamAndReset(wireEvent('ADDED', wirePod('a', 5)), wireEvent('MODIFIED', wirePod('a', 6))),
    stream(initial(9, wirePod('b', 3))),
  )
  await until(() => names().join() === 'a')
  assert.equal(watched.store.synced, false)
  await until(() => watched.store.synced)
  assert.equal(api.asked[1]?.query.get('sendInitialEvents'), 'true')
  assert.deepEqual(names(), ['b'])
})

test('a deletion between the initial events is not brought back by them', async (t) => {
  const { until, watched, names } = await startWatch(
    t,
    stream(
      wireEvent('ADDED', wirePod('a', 1)),
      wireEvent('DELETED', wirePod('a', 2)),
      initial(9, wirePod('b', 3)),
    ),
  )
  await until(() => watched.store.synced)
  assert.deepEqual(names(), ['b'])
})

test('a line that is cut off by the end of the watch is dropped and asked for again', async (t) => {
  const event = wireEvent('ADDED', wirePod('b', 12))
  const { api, until, names } = await startWatch(
    t,
    streamAndEnd(initial(9, wirePod('a', 1)), event.slice(0, 40)),
    stream(event),
  )
  await until(() => names().length === 2)
  assert.equal(api.asked[1]?.query.get('resourceVersion'), '9')
})

for (const [what, line] of [
  ['no JSON', '<html>Bad Gateway</html>\n'],
  ['no event', '{"type":"SURPRISE","object":{}}\n'],
  ['a bookmark without a version', '{"type":"BOOKMARK","object":{"metadata":{}}}\n'],
] as const) {
  test(`a line that is ${what} ends the watch, and a paged list makes the store right`, async (t) => {
    const { api, until, names, pauses } = await startWatch(
      t,
      stream(initial(9, wirePod('a', 1)), line),
      json(200, wireList([wirePod('b', 2)], 20)),
      stream(wireBookmark(21)),
    )
    await until(() => api.asked.length === 3)
    assert.deepEqual(names(), ['b'])
    assert.equal(pauses.length, 1)
  })
}

test('a line beyond all bounds ends the watch before it fills the memory', async (t) => {
  const huge = Buffer.alloc(17 * 1024 * 1024, 'x')
  const { api, until, pauses } = await startWatch(
    t,
    stream(initial(9, wirePod('a', 1)), huge),
    json(200, wireList([], 20)),
    stream(wireBookmark(21)),
  )
  await until(() => api.asked.length === 3)
  assert.match(pauses[0]?.error?.message ?? '', /larger than 16777216 bytes/)
})

test('an object that is cut anywhere, also inside a character, arrives whole', async (t) => {
  const bytes = Buffer.from(initial(9, wirePod('a', 1, { spec: { nodeName: 'nœud-日本' } })))
  const pieces = [...bytes].map((byte) => Buffer.of(byte))
  const { until, watched } = await startWatch(t, stream(...pieces))
  await until(() => watched.store.synced)
  assert.equal(watched.store.get('default/a')?.nodeName, 'nœud-日本')
})

test('server errors are waited out with growing pauses, and after two of them pages are tried', async (t) => {
  const { until, watched, pauses } = await startWatch(
    t,
    status(500, 'InternalError'),
    status(503, 'ServiceUnavailable'),
    json(502, 'a proxy'),
    json(200, wireList([wirePod('a', 1)], 9)),
    stream(wireBookmark(10)),
  )
  await until(() => pauses.length === 3)
  const [first = 0, second = 0, third = 0] = pauses.map((pause) => pause.ms)
  assert.ok(first >= 200 && first <= 400, `first pause ${first}`)
  assert.ok(second >= 400 && second <= 800, `second pause ${second}`)
  assert.ok(third >= 800 && third <= 1600, `third pause ${third}`)
  assert.match(watched.health().lastError ?? '', /HTTP 502 without a Status/)
  await until(() => watched.store.synced)
  assert.equal(watched.health().lastError, undefined)
  assert.equal(watched.health().restarts, 3)
})

test('a throttling server decides how long the pause is', async (t) => {
  const { until, watched, pauses } = await startWatch(
    t,
    status(429, 'TooManyRequests', { 'retry-after': '7' }),
    stream(initial(9)),
  )
  await until(() => watched.store.synced)
  assert.deepEqual(
    pauses.map((pause) => pause.ms),
    [7000],
  )
})

test('after 401 the next try brings a fresh token', async (t) => {
  const { api, until, watched } = await startWatch(t, status(401, 'Unauthorized'), stream(initial(9)))
  await until(() => watched.store.synced)
  assert.deepEqual(
    api.asked.map((ask) => ask.headers.authorization),
    ['Bearer token-1', 'Bearer token-2'],
  )
})

test('403 is asked again and again, and health names it; the store is there when the right comes', async (t) => {
  const forbidden = Array.from({ length: 12 }, () => status(403, 'Forbidden'))
  const { until, watched, pauses } = await startWatch(t, ...forbidden, stream(initial(9, wirePod('a', 1))))
  await until(() => pauses.length === 12)
  assert.match(watched.health().lastError ?? '', /HTTP 403 Forbidden/)
  assert.ok(pauses.every((pause) => pause.ms <= 30_000))
  await until(() => watched.store.synced)
})

test('a server that forgot the resource version in a way of its own is listed anew after two tries', async (t) => {
  const { api, until } = await startWatch(
    t,
    streamAndEnd(initial(900, wirePod('a', 1))),
    status(504, 'Timeout'),
    status(504, 'Timeout'),
    stream(initial(5)),
  )
  await until(() => api.asked.length === 4)
  assert.equal(api.asked[1]?.query.get('resourceVersion'), '900')
  assert.equal(api.asked[3]?.query.get('sendInitialEvents'), 'true')
})

test('a watch that falls silent is taken up from where it was, once the server has not fallen behind it', async (t) => {
  const { api, clock, until, watched, pauses } = await startWatch(
    t,
    stream(initial(9, wirePod('a', 1))),
    json(200, wireList([wirePod('a', 1)], 9)),
    stream(),
  )
  await until(() => watched.store.synced)
  await clock.advance(149_000)
  assert.equal(pauses.length, 0)
  assert.equal(watched.health().lastHeardMs, 149_000)
  await clock.advance(1_000)
  await until(() => watched.health().lastHeardMs === 0)
  assert.deepEqual(pauses, [{ kind: 'pause', ms: 0 }])
  assert.equal(api.asked[1]?.query.get('limit'), '1')
  assert.equal(api.asked[2]?.query.get('resourceVersion'), '9')
  assert.equal(watched.health().lastError, undefined)
})

for (const end of ['breaks', 'falls silent']) {
  test(`a watch that ${end} when the server is set back to an older state is begun with a new list`, async (t) => {
    const { api, clock, until, watched, names } = await startWatch(
      t,
      (end === 'breaks' ? streamAndReset : stream)(initial(900, wirePod('a', 1), wirePod('ghost', 800))),
      json(200, wireList([wirePod('a', 1)], 70)),
      stream(initial(71, wirePod('a', 1))),
    )
    await until(() => watched.store.synced)
    if (end === 'falls silent') await clock.advance(150_000)
    await until(() => names().join() === 'a')
    assert.equal(api.asked[2]?.query.get('sendInitialEvents'), 'true')
  })
}

test('a server that was still away at the second look is listed anew: it may have come back with an older state', async (t) => {
  const away = (response: ServerResponse): void => {
    response.destroy()
  }
  const { api, until, names } = await startWatch(
    t,
    streamAndReset(initial(900, wirePod('a', 1), wirePod('ghost', 800))),
    away,
    stream(initial(950, wirePod('a', 1))),
  )
  await until(() => names().join() === 'a')
  assert.equal(api.asked[2]?.query.get('sendInitialEvents'), 'true')
})

test('an object without a name is passed over and does not end the watch', async (t) => {
  const { until, watched, names } = await startWatch(
    t,
    stream(wireEvent('ADDED', { metadata: {} }), wireEvent('ADDED', 7), initial(9, wirePod('a', 1))),
    json(200, wireList([{ metadata: { name: 5 } }, null, wirePod('a', 1)], 20)),
  )
  await until(() => watched.store.synced)
  assert.deepEqual(names(), ['a'])
})

test('stop ends the watch in the middle of a request, and nothing is asked afterwards', async (t) => {
  const held = Promise.withResolvers<undefined>()
  const { api, watched } = await startWatch(t, () => held.resolve(undefined))
  await held.promise
  await watched.stop()
  assert.equal(api.asked.length, 1)
})

test('a store that was stopped before it started stays empty and asks nothing', async () => {
  const api = await startScriptedApi()
  const clock = new FakeClock()
  const rest = createRest(api.connection(), clock)
  const watched = watchStore({ rest, spec: agentPods(), clock, log: silentLog })
  await watched.stop()
  await watched.start()
  await api.close()
  assert.equal(api.asked.length, 0)
  assert.equal(clock.timers, 0)
})

test('a refresh takes in a list that was begun after it, over a watch that is silent', async (t) => {
  const { api, until, watched, names } = await startWatch(
    t,
    stream(initial(9, wirePod('a', 1), wirePod('gone', 2))),
    stream(initial(12, wirePod('a', 1), wirePod('b', 11))),
  )
  await until(() => watched.store.synced)
  const { signal } = new AbortController()
  await watched.refresh(signal)
  assert.deepEqual(names(), ['a', 'b'])
  assert.equal(api.asked[1]?.query.get('sendInitialEvents'), 'true')
  assert.equal(watched.health().lastError, undefined)
})

test('a refresh before the first list waits for that one, and ends with its signal', async (t) => {
  const { api, watched } = await startWatch(t, stream())
  const controller = new AbortController()
  const refreshed = Promise.allSettled([watched.refresh(controller.signal)])
  controller.abort(new Error('lease lost'))
  const [outcome] = await refreshed
  assert.match(String(outcome.status === 'rejected' ? outcome.reason : ''), /lease lost/)
  assert.ok(api.asked.length <= 1)
})
