import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { test } from 'node:test'
import { codeOf } from '../../src/base/errors.ts'
import type { HttpAnswer } from '../harness/http.ts'
import { bindingManifest, identityManifest } from '../harness/system-manifests.ts'
import { type SystemPod, startSystem } from '../harness/system-world.ts'

test('the agent goes on answering when its log and audit pipes are closed, and when the disk for them is full', async (t) => {
  const world = await startSystem()
  t.after(() => world.close())
  const mic = await world.startMic('mic-a')
  world.load(identityManifest('good'), bindingManifest('good'))
  const pod = world.pod('writer', 'good')
  await world.assigned('writer')

  const agent = await world.startNmi()
  assert.equal((await pod.token()).status, 200)
  for (const stream of ['stdout', 'stderr'] as const) {
    agent.closePipe(stream)
    mic.closePipe(stream)
  }
  for (let round = 0; round < 5; round += 1) {
    assert.equal((await pod.token({ resource: `https://closed-${round}.example` })).status, 200)
    // A refusal is logged, and each kind of line goes into a pipe that nobody reads.
    assert.equal((await pod.token({ clientId: 'nobody' })).status, 403)
  }
  // The controller, whose pipes are closed as well, goes on with its work and its log lines.
  world.pod('second-writer', 'good')
  await world.assigned('second-writer')
  assert.ok(agent.running && mic.running)
  agent.signal('SIGTERM')
  assert.deepEqual(await agent.ended, { code: 0, signal: undefined })

  const full = await open('/dev/full', 'w')
  t.after(() => full.close())
  const deaf = await world.startNmi({ output: full.fd })
  assert.equal((await untilListening(pod)).status, 200)
  assert.equal((await pod.token({ clientId: 'nobody' })).status, 403)
  assert.ok(deaf.running)
  deaf.signal('SIGTERM')
  assert.deepEqual(await deaf.ended, { code: 0, signal: undefined })
})

/** An agent that can say nothing cannot say that it listens: it is asked until it does. */
async function untilListening(pod: SystemPod): Promise<HttpAnswer> {
  const until = performance.now() + 20_000
  for (;;) {
    try {
      const answer = await pod.token()
      if (answer.status !== 503 || performance.now() > until) return answer
    } catch (thrown) {
      if (codeOf(thrown) !== 'ECONNREFUSED' || performance.now() > until) throw thrown
    }
  }
}
