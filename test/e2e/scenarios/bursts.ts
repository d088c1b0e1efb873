/** Many pods at once, and how long one pod waits. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import type { RequestRecord } from '../../../emulator/azure/state/journal.ts'
import { type Answer, appPodTemplate } from '../app-pod.ts'
import { patchesOf } from '../arm-patches.ts'
import { until } from '../cluster/until.ts'
import type { Identity, Place } from '../place.ts'
import type { Scenario } from '../scenario.ts'
import { assertTokenOf } from '../token-proof.ts'
import type { World } from '../world.ts'

/** A slow day of Azure's scale sets. */
const ARM_MS = 10_000
const PODS = 200
const IDENTITIES = 10

const burst: Scenario = {
  name: 'burst-of-200-pods',
  proves:
    '200 pods that come at once all get the token of their own one of 10 identities, and each identity is put on each scale set exactly once, with one change of a scale set at a time',
  alone: true,
  deadlineSeconds: 420,
  async run(place, world) {
    await withSlowArm(world, async () => {
      const identities = Array.from({ length: IDENTITIES }, (_, at) => place.identity(`burst${at}`))
      for (const each of identities) await place.bind(each)
      const since = world.azure.journal.requests.length
      const started = world.clock.now()
      await place.apply(
        ...identities.map(({ name }) => ({
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          metadata: { name },
          spec: {
            replicas: PODS / IDENTITIES,
            selector: { matchLabels: { app: name } },
            template: appPodTemplate({
              selector: name,
              labels: { app: name, burst: 'yes' },
              command: ['first', '-timeout=120'],
            }),
          },
        })),
      )
      const answers = await tokensOf(place, identities)
      const asked = Math.max(...answers.map(askedMs)) - started
      const served = Math.max(...answers.map(({ at }) => Date.parse(at))) - started
      const waits = answers.map(({ ms }) => ms).toSorted((a, b) => a - b)
      const changes = world.azure.journal.requests.slice(since).filter(isPatch)
      const refused = changes.filter(({ status = 0 }) => status >= 400)
      // A new leader cannot know what the one before it has begun: ARM tells it.
      const leaders = await leadersSince(world, started)
      world.say(
        `       ${PODS} pods: the last container asked after ${told(asked)}, the last token came after ${told(served)} (ARM takes ${told(ARM_MS)}); a request took ${told(waits[PODS / 2] ?? 0)} at the median, ${told(waits.at(-1) ?? 0)} at most; ${changes.length - refused.length} changes of 2 scale sets, ${refused.length} refused; ${leaders} new leaders`,
      )
      assert.ok(refused.every(({ status }) => status === 409) && refused.length <= leaders, inspect(refused))
      for (const each of identities) {
        const sets = patchesOf(world, each).additions.map(({ target }) => setOf(target))
        assert.deepEqual(sets.toSorted(), [...new Set(sets)].toSorted(), `${each.name} was added twice`)
      }
      await place.kubectl('delete', 'rs', '--all')
      await place.whenNothingAssigned(120_000)
      await place.whenOnMachine('pool', [])
      await place.whenOnMachine('blue', [])
    })
  },
}

/** How often MIC's lead went to another pod, or back to the same, since then (milliseconds since the epoch). */
async function leadersSince(world: World, ms: number): Promise<number> {
  const since = `--since-time=${new Date(ms).toISOString()}`
  const logs = await Promise.all((await world.podid.pods('mic')).map((pod) => world.podid.logs(pod, since)))
  return logs.join('\n').split('leadership is won').length - 1
}

/** The last answer of each pod, once all have a token; each is of the identity of its ReplicaSet. */
async function tokensOf(place: Place, identities: readonly Identity[]): Promise<Answer[]> {
  let seen = 0
  const last = (): string => `${seen} tokens`
  return until(`${PODS} pods have tokens`, { deadlineMs: 300_000, last }, async () => {
    const pods = await place.pods('burst=yes')
    seen = pods.filter(({ status }) => status.phase === 'Running').length
    if (seen < PODS) return undefined
    const answers: Answer[] = []
    for (const identity of identities) {
      const mine = await answersOf(place, `app=${identity.name}`)
      for (const each of mine) assertTokenOf(each, identity)
      answers.push(...mine)
    }
    seen = answers.length
    return seen === PODS ? answers : undefined
  })
}

async function answersOf(place: Place, label: string): Promise<Answer[]> {
  const text = await place.kubectl('logs', '-l', label, '--tail=1', '--max-log-requests=50')
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Answer)
}

const latency: Scenario = {
  name: 'created-to-token',
  proves:
    'a pod that is created gets its first token soon after ARM has put the identity on its scale set: podid itself adds little to what Azure takes',
  alone: true,
  async run(place, world) {
    await withSlowArm(world, async () => {
      const rests: number[] = []
      for (const number of [1, 2, 3]) {
        const identity = place.identity(`quick${number}`)
        await place.bind(identity)
        const pod = await place.pod(`quick${number}`, {
          selector: identity.name,
          node: 'pool-0',
          command: ['first', '-timeout=120'],
        })
        const answer = await until('the pod has a token', { deadlineMs: 60_000 }, async () =>
          (await pod.answers()).find(({ status }) => status === 200),
        )
        assertTokenOf(answer, identity)
        const created = await createdMs(world, place.namespace, pod.name)
        const [patch] = patchesOf(world, identity).additions
        assert.ok(patch, 'no change of the scale set')
        const done = operationEnd(world.azure.journal.requests, patch)
        const token = Date.parse(answer.at)
        const rest = token - created - ARM_MS
        rests.push(rest)
        world.say(
          `       created -> container asks ${told(askedMs(answer) - created)}; created -> ARM is asked ${told(patch.atMs - created)}; ARM and its polling ${told(done - patch.atMs)}; -> token ${told(token - done)}; in all without ARM's own ${told(ARM_MS)}: ${told(rest)}`,
        )
      }
      assert.equal(rests.length, 3)
    })
  },
}

const youth: Scenario = {
  name: 'asks-in-first-50-ms',
  proves:
    'a pod that asks within the first 50 milliseconds of its program, before the API server knows its address, gets its token with its first request',
  shapes: ['routed', 'bridge'],
  async run(place, world) {
    const shop = place.identity('young')
    await place.bind(shop)
    const elder = await place.pod('elder', { selector: shop.name, node: 'pool-1', command: ['first'] })
    assertTokenOf(await elder.token(), shop)
    const spec = { restartPolicy: 'Never' }
    const answers: Answer[] = []
    for (let number = 0; number < 8; number += 1) {
      const pod = await place.startPod(`young${number}`, {
        selector: shop.name,
        node: 'pool-1',
        command: ['token', '-timeout=30'],
        spec,
      })
      await pod.succeeded()
      const [answer] = await pod.answers()
      assertTokenOf(answer, shop)
      if (answer !== undefined) answers.push(answer)
    }
    const ages = answers.map(({ ageMs }) => ageMs)
    const waits = answers.map(({ ms }) => ms)
    world.say(
      `       asked at an age of ${Math.max(...ages).toFixed(1)} ms at most; answered after ${Math.min(...waits).toFixed(0)} to ${Math.max(...waits).toFixed(0)} ms`,
    )
    assert.ok(Math.min(...ages) < 50, `the youngest asked at ${Math.min(...ages)} ms`)
  },
}

async function withSlowArm(world: World, use: () => Promise<void>): Promise<void> {
  const { vmssOperationMs } = world.azure.settings
  world.azure.change({ vmssOperationMs: ARM_MS })
  try {
    await use()
  } finally {
    world.azure.change({ vmssOperationMs })
  }
}

function isPatch({ service, method }: RequestRecord): boolean {
  return service === 'arm' && method === 'PATCH'
}

/** When the answer that the operation has ended was sent. */
function operationEnd(requests: readonly RequestRecord[], patch: RequestRecord): number {
  const polls = requests.filter(
    ({ route, atMs }) => route === 'arm.operation.get' && atMs >= patch.atMs + ARM_MS,
  )
  return polls[0]?.finishedMs ?? patch.atMs + ARM_MS
}

function setOf(target: string): string {
  return /virtualMachineScaleSets\/([^/?]+)/i.exec(target)?.[1] ?? target
}

function askedMs({ at, ms }: Answer): number {
  return Date.parse(at) - ms
}

/** When the API server took the pod, to the millisecond: its own creation time has whole seconds. */
async function createdMs({ cluster }: World, namespace: string, name: string): Promise<number> {
  const log = await readFile(cluster.controlPlane.auditLog, 'utf8')
  for (const line of log.split('\n')) {
    if (!line.includes(`"namespace":"${namespace}"`) || !line.includes(`"name":"${name}"`)) continue
    const entry = JSON.parse(line) as AuditEntry
    if (
      entry.verb === 'create' &&
      entry.objectRef.resource === 'pods' &&
      entry.objectRef.subresource === undefined
    )
      return Date.parse(entry.requestReceivedTimestamp)
  }
  throw new Error(`the audit log tells nothing of pod ${name}`)
}

interface AuditEntry {
  readonly verb: string
  readonly requestReceivedTimestamp: string
  readonly objectRef: { readonly resource: string; readonly subresource?: string }
}

function told(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

export const BURSTS: readonly Scenario[] = [burst, latency, youth]
