import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FaultRule } from '../../emulator/azure/faults/fault-rule.ts'
import type { System } from '../harness/system-world.ts'
import { stillWorks } from './system-nonsense.ts'

type Effect = FaultRule['effect']

/** What passes: the request is tried again and gets its token. */
const ONCE: Readonly<Record<string, Effect>> = {
  html: { kind: 'garbage', what: 'html' },
  bytes: { kind: 'garbage', what: 'bytes' },
  empty: { kind: 'garbage', what: 'empty' },
  'cut-json': { kind: 'garbage', what: 'cut-json' },
  'wrong-json': { kind: 'garbage', what: 'wrong-json' },
  'reset-before': { kind: 'reset', when: 'before' },
  'reset-within': { kind: 'reset', when: 'mid-body' },
  error: { kind: 'error', status: 500 },
  gone: { kind: 'error', status: 410 },
  throttled: { kind: 'error', status: 429, retryAfter: '1' },
  'throttled-silently': { kind: 'error', status: 429 },
  slow: { kind: 'latency', latency: { kind: 'fixed', ms: 800 } },
}

export function testUpstreamFaults(system: () => System): void {
  test('an IMDS that is slow, fails, resets, answers garbage or limits once is asked again, and each request gets its token', async () => {
    const world = system()
    const names = Object.keys(ONCE)
    for (const [name, effect] of Object.entries(ONCE))
      world.azure.faults.add({ service: 'imds', target: `once-${name}.example`, count: 1, effect })
    const pods = names.map((name) => world.pod(`once-${name}`, 'good'))
    for (const { name } of pods) await world.assigned(name)
    const answers = await Promise.all(
      pods.map((pod) => pod.token({ resource: `https://${pod.name}.example` })),
    )
    for (const [index, answer] of answers.entries())
      assert.equal(answer.status, 200, `${names[index]}: ${answer.text}`)
    world.azure.faults.clear()
  })

  test('an IMDS that goes on failing is told as retryable, and a token that is still valid is served meanwhile', async () => {
    const world = system()
    const pod = world.pod('failing', 'good')
    await world.assigned('failing')
    // Below the life that a served token should have left, and valid.
    world.azure.change({ identityTokenSeconds: 250 })
    const resource = 'https://stale.example'
    const first = await pod.token({ resource })
    assert.equal(first.status, 200, first.text)
    world.azure.change({ identityTokenSeconds: 86_399 })
    const down: Effect = { kind: 'error', status: 503 }
    for (const target of ['stale.example', 'never.example'])
      world.azure.faults.add({ service: 'imds', target, effect: down })
    const [stale, never] = await Promise.all([
      pod.token({ resource }),
      pod.token({ resource: 'https://never.example' }),
    ])
    assert.equal(stale.status, 200, stale.text)
    assert.equal(stale.json()['access_token'], first.json()['access_token'])
    assert.equal(never.status, 503, never.text)
    assert.ok(Number(never.headers['retry-after']) > 0)
    world.azure.faults.clear()
    assert.equal((await pod.token({ resource: 'https://never.example' })).status, 200)
  })

  test('an ARM that answers HTML and limits is asked again until the identity is assigned', async () => {
    const world = system()
    const effects: readonly (readonly [route: string, effect: Effect])[] = [
      ['arm.vmss.get', { kind: 'garbage', what: 'html' }],
      ['arm.vmss.patch', { kind: 'error', status: 429, retryAfter: '1' }],
    ]
    for (const [route, effect] of effects) world.azure.faults.add({ route, count: 1, effect })
    const pod = world.bound('armbad')
    await world.assigned('armbad')
    assert.equal((await pod.token()).status, 200)
    world.azure.faults.clear()
    await stillWorks(world, 'after faults of arm')
  })
}
