/** Causes that pass: an application that asks again when it is told to gets its token. */
import assert from 'node:assert/strict'
import { until } from '../cluster/until.ts'
import type { Scenario } from '../scenario.ts'
import { assertRefused, assertToken } from '../token-answer.ts'

const retryAfter: Scenario = {
  name: 'retries-after-retry-after',
  proves:
    'an application that asks again when Retry-After says so gets its token: after an identity that did not exist has been created, and after its IMDS was out of order',
  deadlineSeconds: 300,
  async run(place, world) {
    const late = place.absentIdentity('late')
    await place.bind(late)
    const pod = await place.startPod('shop', { selector: late.name, command: ['first', '-polite'] })
    await pod.running()
    const [refused] = await until('the pod was refused', { deadlineMs: 60_000 }, async () => {
      const answers = await pod.answers()
      return answers.length > 0 && answers
    })
    assert.ok(refused)
    assertRefused(refused, 503, 'assignment-failed')
    assert.ok(Number(refused.retryAfter) > 0)
    place.plant(late)
    const answers = await until('the pod has its token', { deadlineMs: 150_000 }, async () => {
      const found = await pod.answers()
      return found.at(-1)?.status === 200 && found
    })
    assertToken(answers.at(-1) ?? refused, late.clientId)
    for (const [at, { status, retryAfter: pause }] of answers.slice(0, -1).entries())
      assert.ok(status === 503 && Number(pause) > 0, `answer ${at}: ${status}, Retry-After ${pause}`)
    world.say(
      `       token at try ${answers.length}; Retry-After ${answers.map((each) => each.retryAfter).join(' ')}`,
    )

    const resource = 'https://storage.azure.com/'
    const id = `outage-${late.name}`
    const target = `client_id=${late.clientId}`
    const effect = { kind: 'error', status: 500 } as const
    world.azure.faults.add({ id, service: 'imds', target, effect })
    try {
      const failed = await pod.token({ resource })
      assertRefused(failed, 503, 'upstream-unavailable')
      assert.ok(Number(failed.retryAfter) > 0)
      // What it has already it goes on getting.
      assertToken(await pod.token(), late.clientId)
    } finally {
      world.azure.faults.remove(id)
    }
    const again = await until('the next try succeeds', { deadlineMs: 60_000 }, async () => {
      const found = await pod.token({ resource })
      return found.status === 200 && found
    })
    assertToken(again, late.clientId, resource)
  },
}

export const RETRIES: readonly Scenario[] = [retryAfter]
