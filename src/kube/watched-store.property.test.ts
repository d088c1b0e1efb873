import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { wireBookmark, wireError, wireEvent, wireList, wirePod } from '../../test/make/wire.ts'
import type { Pod } from '../model/resources.ts'
import { silentLog } from '../telemetry/log.ts'
import { KubeApiError, KubeUnreachableError } from './connection.ts'
import { agentPods } from './resources/pods.ts'
import type { ByteStream, Rest } from './rest.ts'
import { watchStore } from './watched-store.ts'

type Trouble = 'bookmark' | 'end' | 'reset' | 'gone' | 'garbage' | 'compact' | 'truncate'

type Step =
  | { readonly kind: 'put' | 'delete'; readonly pod: number; readonly address: number }
  | { readonly kind: Trouble }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put'), pod: fc.nat(6), address: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete'), pod: fc.nat(6), address: fc.nat(0) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('bookmark', 'end', 'reset', 'gone', 'garbage', 'compact', 'truncate'),
    }),
  },
)

interface Entry {
  readonly version: number
  readonly line: string
}

/**
 * A small API server in memory: the truth, its history, and one open watch. What it sends is cut into
 * pieces of random length.
 */
class MemoryApi implements Rest {
  readonly pods = new Map<string, ReturnType<typeof wirePod>>()
  readonly #history: Entry[] = []
  readonly #streaming: boolean
  readonly #pieceLength: () => number
  #version = 1
  #compacted = 0
  #watch: { push(text: string): void; end(error?: Error): void } | undefined
  watches = 0

  constructor(streaming: boolean, pieceLength: () => number) {
    this.#streaming = streaming
    this.#pieceLength = pieceLength
  }

  get version(): number {
    return this.#version
  }

  take(step: Step): void {
    if (step.kind === 'put') this.#put(`pod-${step.pod}`, step.address)
    else if (step.kind === 'delete') this.#delete(`pod-${step.pod}`)
    else this.#trouble[step.kind]()
  }

  readonly #trouble: Readonly<Record<Trouble, () => void>> = {
    bookmark: () => this.#watch?.push(wireBookmark(this.#version)),
    end: () => this.#watch?.end(),
    reset: () => this.#watch?.end(new KubeUnreachableError('reset')),
    gone: () => {
      this.#watch?.push(wireError(410, 'Expired'))
      this.#watch?.end()
    },
    garbage: () => this.#watch?.push('<html>\n'),
    truncate: () => {
      this.#watch?.push(wireBookmark(this.#version).slice(0, 20))
      this.#watch?.end()
    },
    compact: () => {
      this.#compacted = this.#version
    },
  }

  #put(name: string, address: number): void {
    this.#version += 1
    const pod = wirePod(name, this.#version, { status: { phase: 'Running', podIP: `10.0.0.${address}` } })
    const type = this.pods.has(name) ? 'MODIFIED' : 'ADDED'
    this.pods.set(name, pod)
    this.#record(wireEvent(type, pod))
  }

  #delete(name: string): void {
    const pod = this.pods.get(name)
    if (pod === undefined) return
    this.#version += 1
    this.pods.delete(name)
    this.#record(
      wireEvent('DELETED', {
        ...pod,
        metadata: { ...pod.metadata, resourceVersion: String(this.#version) },
      }),
    )
  }

  #record(line: string): void {
    this.#history.push({ version: this.#version, line })
    this.#watch?.push(line)
  }

  async getJson(_path: string, { query }: Parameters<Rest['getJson']>[1]): Promise<unknown> {
    const from = Number(query?.['continue'] ?? 0)
    const items = [...this.pods.values()]
    const page = items.slice(from, from + 2)
    return wireList(page, this.#version, from + 2 < items.length ? String(from + 2) : '')
  }

  async open(_path: string, { query, signal }: Parameters<Rest['open']>[1]): Promise<ByteStream> {
    const initial = query?.['sendInitialEvents'] === true
    if (initial && !this.#streaming) throw new KubeApiError(422, 'Invalid', 'not here')
    const from = Number(query?.['resourceVersion'] ?? 0)
    if (!initial && from < this.#compacted) throw new KubeApiError(410, 'Expired', 'too old')
    this.watches += 1
    const lines = initial
      ? [...this.pods.values()]
          .map((pod) => wireEvent('ADDED', pod))
          .concat(wireBookmark(this.#version, true))
      : this.#history.filter((entry) => entry.version > from).map((entry) => entry.line)
    return this.#stream(lines, signal)
  }

  #stream(lines: readonly string[], signal: AbortSignal): ByteStream {
    const queue: Buffer[] = []
    let failure: Error | undefined
    let ended = false
    let wake = (): void => {}
    const pieceLength = this.#pieceLength
    const watch = {
      push(text: string): void {
        if (ended) return
        const bytes = Buffer.from(text)
        for (let at = 0; at < bytes.length; ) {
          const end = at + pieceLength()
          queue.push(bytes.subarray(at, end))
          at = end
        }
        wake()
      },
      end(error?: Error): void {
        failure = error
        ended = true
        wake()
      },
    }
    this.#watch = watch
    for (const line of lines) watch.push(line)
    signal.addEventListener('abort', () => watch.end(signal.reason as Error))
    const closed = (): void => {
      if (this.#watch === watch) this.#watch = undefined
    }
    return (async function* () {
      try {
        for (;;) {
          for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) yield piece
          if (failure !== undefined) throw failure
          if (ended) return
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      } finally {
        closed()
      }
    })()
  }

  send(): Promise<unknown> {
    return Promise.reject(new Error('a watch writes nothing'))
  }
}

/** The truth, and the index over addresses, as they would be computed from nothing. */
function expected(api: MemoryApi): { pods: string[]; byAddress: string[] } {
  const pods = [...api.pods.values()].map((pod) => pod as unknown as Truth)
  return {
    pods: pods.map((pod) => `${pod.metadata.name}@${pod.metadata.resourceVersion}`).sort(),
    byAddress: pods.map((pod) => `${pod.status.podIP} ${pod.metadata.name}`).sort(),
  }
}

interface Truth {
  readonly metadata: { readonly name: string; readonly resourceVersion: string }
  readonly status: { readonly podIP: string }
}

async function follow(seed: number, streaming: boolean, steps: readonly (readonly Step[])[]) {
  const clock = new FakeClock({ seed })
  const api = new MemoryApi(streaming, () => 1 + Math.floor(clock.random() * 400))
  for (const each of steps[0] ?? []) if (each.kind === 'put') api.take(each)
  const watched = watchStore({ rest: api, spec: agentPods(), clock, log: silentLog })
  const byAddress = watched.store.index((pod) => pod.addresses)
  const replayed = new Map<string, Pod>()
  watched.store.subscribe(({ key, before, after }) => {
    assert.equal(replayed.get(key), before, 'a change tells what was there before')
    if (after === undefined) replayed.delete(key)
    else replayed.set(key, after)
  })
  await watched.start()
  for (const batch of steps) {
    for (const each of batch) api.take(each)
    await clock.advance(700)
  }
  await clock.advance(120_000)
  const indexed = [...byAddress.keys()]
    .flatMap((key) => [...byAddress.get(key)].map((pod) => `${key} ${pod.name}`))
    .sort()
  const pods = [...watched.store.values()].map((pod) => `${pod.name}@${pod.resourceVersion}`).sort()
  const fromChanges = [...replayed.values()].map((pod) => `${pod.name}@${pod.resourceVersion}`).sort()
  const { synced, lastError } = watched.health()
  await watched.stop()
  return { truth: expected(api), seen: { pods, byAddress: indexed }, fromChanges, synced, lastError, clock }
}

test('whatever happens to the watch, the store ends equal to the server, its indexes and its changes too', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(2 ** 31 - 1),
      fc.boolean(),
      fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 12 }),
      async (seed, streaming, steps) => {
        const { truth, seen, fromChanges, synced, lastError, clock } = await follow(seed, streaming, steps)
        assert.deepEqual(seen, truth)
        assert.deepEqual(fromChanges, truth.pods)
        assert.equal(synced, true)
        assert.equal(lastError, undefined)
        assert.equal(clock.timers, 0)
      },
    ),
    { numRuns: 60 },
  )
})
