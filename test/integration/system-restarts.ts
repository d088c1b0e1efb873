import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf } from '../../src/base/errors.ts'
import { GROUP } from '../harness/system-manifests.ts'
import type { System } from '../harness/system-world.ts'
import { identityId } from '../make/objects.ts'
import { stillWorks } from './system-nonsense.ts'

export function testRestarts(system: () => System): void {
  test('a controller that is killed while ARM works leaves nothing that its successor does not finish, and nothing behind', async () => {
    const world = system()
    const before = world.onScaleSet()
    world.azure.change({ vmssOperationMs: 1_500 })
    const asked = world.asked('arm.vmss.patch', identityId('killed').toLowerCase())
    const pod = world.bound('killed')
    await asked
    world.mic.signal('SIGKILL')
    await world.mic.ended
    world.azure.change({ vmssOperationMs: 20 })
    // It waits for the lease of the one that was killed, and of no longer.
    await world.startMic('mic-b')
    await world.assigned('killed')
    assert.equal((await pod.token()).status, 200)
    world.kube.remove('pods', 'default/killed')
    await world.happenings.until(
      'the identity to leave the scale set',
      () => !world.onScaleSet().includes(identityId('killed').toLowerCase()),
    )
    assert.deepEqual(world.onScaleSet(), before)
  })

  test('of two controllers one leads, and the other takes over when it is killed', async () => {
    const world = system()
    const leader = world.mic
    const second = await world.startMic('mic-c')
    await second.line(/waiting for the leader lock/)
    assert.ok(!second.lines.some((line) => line.includes('leadership is won')))
    leader.signal('SIGKILL')
    await leader.ended
    await second.line(/leadership is won/)
    await stillWorks(world, 'after the second controller took over')
  })

  test('a node agent that is killed with a request in flight serves the same pods after its restart', async () => {
    const world = system()
    const pod = world.pod('survivor', 'good')
    await world.assigned('survivor')
    world.azure.faults.add({ service: 'imds', target: 'in-flight', effect: { kind: 'hang' } })
    const asked = world.asked('imds.token', 'in-flight')
    const cut = assert.rejects(pod.token({ resource: 'https://in-flight.example' }))
    await asked
    world.nmi.signal('SIGKILL')
    await cut
    world.azure.faults.clear()
    await world.startNmi({ flags: ['--hold-limit=1s'] })
    assert.equal((await pod.token({ resource: 'https://in-flight.example' })).status, 200)
  })

  test('a node agent that is asked to stop under load answers every request that it took', async () => {
    const world = system()
    const pod = world.pod('loaded', 'good')
    await world.assigned('loaded')
    const slow = { kind: 'latency', latency: { kind: 'fixed', ms: 400 } } as const
    world.azure.faults.add({ service: 'imds', target: 'slow-stop', effect: slow })
    const asked = world.asked('imds.token', 'slow-stop')
    const held = pod.token({ resource: 'https://slow-stop.example' })
    const refusedThen = async (): Promise<number> => {
      for (let answered = 0; ; answered += 1) {
        try {
          assert.equal((await pod.token()).status, 200)
        } catch (thrown) {
          assert.ok(codeOf(thrown) === 'ECONNREFUSED' || codeOf(thrown) === 'ECONNRESET', String(thrown))
          return answered
        }
      }
    }
    const lines = [refusedThen(), refusedThen()]
    await asked
    world.nmi.signal('SIGTERM')
    const answer = await held
    assert.equal(answer.status, 200, answer.text)
    await Promise.all(lines)
    assert.deepEqual(await world.nmi.ended, { code: 0, signal: undefined })
    world.azure.faults.clear()
    await world.startNmi({ flags: ['--hold-limit=1s'] })
    assert.ok(world.find('azureidentities', 'good', GROUP) !== undefined)
    await stillWorks(world, 'after an orderly restart')
  })
}
