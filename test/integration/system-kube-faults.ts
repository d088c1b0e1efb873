import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindingManifest } from '../harness/system-manifests.ts'
import type { System } from '../harness/system-world.ts'
import { refusal } from './system-chain.ts'
import { stillWorks } from './system-nonsense.ts'

export function testApiRestart(system: () => System): void {
  test('while the API server is away tokens come from the cache and from IMDS, and afterwards what changed meanwhile is seen', async () => {
    const world = system()
    const pod = world.pod('away', 'good')
    await world.assigned('away')
    assert.equal((await pod.token()).status, 200)
    await world.kube.faults.takeDown()
    assert.equal((await pod.token()).status, 200)
    assert.equal((await pod.token({ resource: 'https://fresh-while-away.example' })).status, 200)
    world.load({ ...bindingManifest('after-away', 'good') })
    const late = world.pod('after-away', 'after-away')
    await world.kube.faults.bringUp()
    await world.assigned('after-away')
    assert.equal((await late.token()).status, 200)
    await stillWorks(world, 'after a restart of the api server')
  })
}

const CUTS: readonly (readonly [name: string, cut: (world: System) => unknown])[] = [
  ['cut in the middle of a JSON line', ({ kube }) => kube.faults.dropWatches({}, { midLine: true })],
  ['ended in an orderly way', ({ kube }) => kube.faults.endWatches()],
  [
    'told 410 again and again',
    ({ kube }) => {
      kube.faults.add({ match: { verb: 'watch' }, action: { kind: 'expired' }, count: 4 })
      kube.faults.compact()
      kube.faults.expireWatches()
    },
  ],
  [
    'answered 503, 429 and 500, to lists as well',
    ({ kube }) => {
      for (const verb of ['watch', 'list']) {
        kube.faults.add({ match: { verb }, action: { kind: 'status', code: 503 }, count: 1 })
        const throttled = { kind: 'status', code: 429, retryAfterSeconds: 1 } as const
        kube.faults.add({ match: { verb }, action: throttled, count: 1 })
        kube.faults.add({ match: { verb }, action: { kind: 'status', code: 500 }, count: 1 })
      }
      kube.faults.dropWatches()
    },
  ],
  [
    'answered with a page of HTML, then reset',
    ({ kube }) => {
      const page = { kind: 'garbage', body: '<html>Bad Gateway</html>' } as const
      kube.faults.add({ match: { verb: 'watch' }, action: page, count: 3 })
      kube.faults.add({ match: { verb: 'watch' }, action: { kind: 'reset' }, count: 3 })
      kube.faults.dropWatches()
    },
  ],
]

/** The even or the odd ones: after a failure a watch pauses longer and longer until it was well for ten seconds. */
export function testWatchFaults(system: () => System, remainder: 0 | 1): void {
  for (const [index, [name, cut]] of CUTS.entries()) {
    if (index % 2 !== remainder) continue
    test(`watches that are ${name}: tokens go on, and a binding that was deleted meanwhile is seen as gone`, async () => {
      const world = system()
      const slug = `cut-${index}`
      world.load(bindingManifest(slug, 'good'))
      const pod = world.pod(slug, slug)
      await world.assigned(slug)
      assert.equal((await pod.token()).status, 200)
      cut(world)
      world.kube.remove('azureidentitybindings', `default/${slug}`, 'aadpodidentity.k8s.io')
      // The object of the pod goes when MIC has seen it; NMI refuses when it has.
      await world.happenings.until(`the object of ${slug} to go`, () =>
        world.kube
          .objects('azureassignedidentities', 'aadpodidentity.k8s.io')
          .every((each) => !JSON.stringify(each).includes(`"pod":"${slug}"`)),
      )
      let answer = await pod.token()
      while (answer.status === 200) answer = await pod.token()
      // Which of the two events came first decides the text: the binding's, or that of its object.
      assert.match(refusal(answer).text, /no-binding|agent-not-ready|not-assigned-yet/)
      world.kube.faults.clear()
      await stillWorks(world, `after ${slug}`)
    })
  }
}
