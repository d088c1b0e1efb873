/** Chance asks the real server and the emulator the same, and the answers are compared. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { startKubeEmulator } from '../../emulator/kube/kube-emulator.ts'
import { podidDefinitions } from '../harness/kube-emulator.ts'
import { identity, map, placedPod } from './case-objects.ts'
import { type CaseContext, type CaseWorld, type KubeCase, MERGE, openCaseWorld } from './case-world.ts'
import { ruledWrite } from './ruled-writes.ts'
import { type Asking, transcribe } from './transcripts/transcript.ts'

/** One thing to ask about objects `a` to `c` of a collection. */
interface Step {
  readonly ask: (asking: Asking, path: string, make: Make) => Promise<unknown>
}

type Make = (name: string, rest: object) => object

/** All but the ConfigMap that every namespace has, with the server's own certificate in it. */
const OWN = '?fieldSelector=metadata.name!%3Dkube-root-ca.crt'

const RUNS = 12
/** The same requests each time: what is new to look at is found with another seed. */
const SEED = 35
/** Looking for the smallest example of a difference is no end in itself. */
const MOST_MS = 60_000

const names = fc.constantFrom('a', 'b', 'c')
const labels = fc.dictionary(fc.constantFrom('x', 'y', 'app/z'), fc.constantFrom('', '1', 'two', 'b@d'), {
  // Who owns an empty map of a custom kind is not what the emulator is for.
  minKeys: 1,
  maxKeys: 2,
})
const finalizers = fc.uniqueArray(fc.constantFrom('x.example/a', 'x.example/b', 'bad'), { maxLength: 2 })
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const metadata = fc.record({ labels: maybe(labels), finalizers: maybe(finalizers) })
const manager = fc.constantFrom('one', 'two')
const pointer = fc.constantFrom(
  '/metadata/labels',
  '/metadata/labels/x',
  '/metadata/labels/none/deep',
  '/metadata/finalizers/0',
  '/metadata/finalizers/-',
  '/metadata/annotations',
)
// Not null: where it is set in metadata of a custom kind, a real server counts a change that cannot be seen.
const operation = fc.record({
  op: fc.constantFrom('add', 'remove', 'replace', 'test', 'copy', 'move'),
  path: pointer,
  from: pointer,
  value: fc.constantFrom('1', { x: '1' }, ['x.example/a']),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(names, metadata).map(([name, meta]) => ({
    ask: (asking: Asking, path: string, make: Make) =>
      asking('POST', path, { body: make(name, { metadata: { name, ...meta } }) }),
  })),
  fc.tuple(names, metadata).map(([name, meta]) => ({
    async ask(asking: Asking, path: string, make: Make) {
      // As a client does it: read, change, write.
      const found = await asking.quietly('GET', `${path}/${name}`)
      const { resourceVersion } = found.json().metadata ?? {}
      const version = resourceVersion === undefined ? {} : { resourceVersion }
      const body = make(name, { metadata: { name, ...version, ...meta } })
      await asking('PUT', `${path}/${name}`, { body })
    },
  })),
  fc.tuple(names, metadata).map(([name, body]) => ({
    ask: (asking: Asking, path: string) =>
      asking('PATCH', `${path}/${name}`, { contentType: MERGE, body: { metadata: body } }),
  })),
  fc.tuple(names, fc.array(operation, { minLength: 1, maxLength: 3 })).map(([name, body]) => ({
    ask: (asking: Asking, path: string) =>
      asking('PATCH', `${path}/${name}`, { contentType: 'application/json-patch+json', body }),
  })),
  fc.tuple(names, metadata, manager, fc.boolean()).map(([name, meta, who, force]) => ({
    ask: (asking: Asking, path: string, make: Make) =>
      asking('PATCH', `${path}/${name}?fieldManager=${who}&force=${force}`, {
        contentType: 'application/apply-patch+yaml',
        body: make(name, { metadata: { name, ...meta } }),
      }),
  })),
  fc
    .tuple(names, fc.constantFrom({}, { gracePeriodSeconds: 0 }, { preconditions: { uid: 'other' } }))
    .map(([name, body]) => ({
      ask: (asking: Asking, path: string) => asking('DELETE', `${path}/${name}`, { body }),
    })),
  fc.constantFrom(OWN, '?labelSelector=x', '?fieldSelector=metadata.name%3Da').map((query) => ({
    ask: (asking: Asking, path: string) => asking('GET', `${path}${query}`),
  })),
  names.map((name) => ({ ask: (asking: Asking, path: string) => asking('GET', `${path}/${name}`) })),
)

const IDENTITIES = '/apis/aadpodidentity.k8s.io/v1/namespaces/{ns}/azureidentities'

type Kind = readonly [plural: string, path: string, make: Make, steps: fc.Arbitrary<Step>]

const KINDS: readonly Kind[] = [
  ['ConfigMaps', '/api/v1/namespaces/{ns}/configmaps', map, step],
  ['AzureIdentities', IDENTITIES, identity, step],
  ['pods', '/api/v1/namespaces/{ns}/pods', (name, rest) => ({ ...placedPod(name), ...rest }), step],
  ['specs of AzureIdentities and their bindings', IDENTITIES, identity, ruledWrite.map((ask) => ({ ask }))],
]

async function emulated(context: CaseContext): Promise<() => Promise<CaseWorld>> {
  const kube = await startKubeEmulator()
  context.after(() => kube.close())
  kube.load(await podidDefinitions())
  return () => openCaseWorld(context, kube)
}

export const DIFFERENTIAL_CASES: readonly KubeCase[] = KINDS.map(([plural, path, make, steps]) => ({
  name: `whatever is done to ${plural}, the emulator answers as the real server does`,
  async run(world: CaseWorld, context: CaseContext): Promise<void> {
    const openEmulated = await emulated(context)
    const property = fc.asyncProperty(fc.array(steps, { minLength: 8, maxLength: 24 }), async (taken) => {
      const script = {
        name: plural,
        async run(asking: Asking) {
          for (const { ask } of taken) await ask(asking, path, make)
        },
      }
      const real = await openCaseWorld(context, world.subject)
      try {
        const wanted = await transcribe(script, real)
        const said = await transcribe(script, await openEmulated())
        for (const [at, exchange] of wanted.entries()) assert.deepEqual(said[at], exchange)
      } finally {
        await real.close()
      }
    })
    await fc.assert(property, {
      numRuns: RUNS,
      seed: SEED,
      interruptAfterTimeLimit: MOST_MS,
      markInterruptAsFailure: false,
    })
  },
}))
