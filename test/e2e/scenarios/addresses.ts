/** Pod addresses that go from one pod to the next: whose token does the next one get? */
import assert from 'node:assert/strict'
import { type Answer, type AppPod, appContainer } from '../app-pod.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { until } from '../cluster/until.ts'
import { killContainer, sandboxesOf } from '../node-side.ts'
import type { Manifest, Place } from '../place.ts'
import type { Scenario } from '../scenario.ts'
import { assertTokenOf } from '../token-proof.ts'

const NODE = 'pool-1'
const ROUNDS = 30
/** Statuses that Azure's SDKs try again. */
const RETRIED = new Set([404, 410, 429, 500, 502, 503, 504])
const IPAM = '/var/lib/cni/networks/pods'

const churn: Scenario = {
  name: 'pod-churn',
  proves:
    'a pod that is deleted and created again 30 times, always under the same name and mostly with the same address, but each time with the other identity, never gets the token of its predecessor, nor a refusal that its SDK would not try again',
  shapes: ['routed', 'bridge'],
  deadlineSeconds: 420,
  async run(place, world) {
    const node = world.cluster.node(NODE)
    const red = place.identity('red')
    const green = place.identity('green')
    for (const each of [red, green]) {
      await place.bind(each)
      await place.pod(`keeps-${each.name}`, { selector: each.name, node: NODE })
    }
    const addresses = new Set<string>()
    let refusals = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      const mine = round % 2 === 0 ? red : green
      const [last] = addresses
      if (last !== undefined) await offerAddress(node, last)
      const pod = await place.startPod('phoenix', {
        selector: mine.name,
        node: NODE,
        command: ['first', '-timeout=60'],
        spec: { terminationGracePeriodSeconds: 0 },
      })
      await pod.running()
      const answers = await whenServed(pod)
      for (const each of answers) {
        if (each.status === 200) assertTokenOf(each, mine)
        else assert.ok(RETRIED.has(each.status), JSON.stringify(each))
      }
      refusals += answers.filter(({ status }) => status !== 200).length
      addresses.add(await pod.address())
      await pod.delete()
    }
    world.say(
      `       ${ROUNDS} pods of one name had ${addresses.size} addresses; ${refusals} requests were to be tried again`,
    )
    assert.ok(addresses.size < ROUNDS / 2, 'no address was used again')
  },
}

const reuse: Scenario = {
  name: 'address-reused-at-once',
  proves:
    'a new pod that gets the address of a pod which the API server still shows as running there never gets the token of that pod; it gets its own as soon as its address is told',
  shapes: ['routed', 'bridge'],
  alone: true,
  async run(place, world) {
    const node = world.cluster.node(NODE)
    const old = place.identity('old')
    const fresh = place.identity('fresh')
    for (const each of [old, fresh]) {
      await place.bind(each)
      await place.pod(`keeps-${each.name}`, { selector: each.name, node: NODE })
    }
    const holder = await place.pod('holder', {
      selector: old.name,
      node: NODE,
      spec: { terminationGracePeriodSeconds: 0 },
    })
    assertTokenOf(await holder.token(), old)
    const address = await holder.address()
    await place.kubectl('label', 'pod', 'holder', `frozen=${place.namespace}`)
    const freeze = freezeStatus(place)
    await place.apply(...freeze)
    await place.kubectl('annotate', 'pod', 'holder', 'frozen=yes')
    try {
      await whenFrozen(place)
      const [ended = ''] = await sandboxesOf(node, holder)
      // Kubelet makes the pod a new sandbox, with another address.
      await killContainer(node, ended)
      // Its next sandbox would else take the address that is offered to the new pod.
      await until('the old pod lives on under another address', { deadlineMs: 60_000 }, async () => {
        const sandboxes = (await sandboxesOf(node, holder)).filter((id) => id !== ended)
        const owners = await addressOwners(node)
        return !owners.has(address) && sandboxes.some((id) => [...owners.values()].includes(id))
      })
      await offerAddress(node, address)
      const next = await place.startPod('next', {
        selector: fresh.name,
        node: NODE,
        spec: {
          restartPolicy: 'Never',
          containers: [
            appContainer('own', ['token', '-timeout=60']),
            appContainer('thief', [
              'load',
              '-rate=20',
              '-seconds=15',
              '-retries=0',
              `-client-id=${old.clientId}`,
            ]),
          ],
        },
      })
      await next.succeeded()
      assert.equal(await next.address(), address, 'the address was not given again')
      assert.equal(await holder.address(), address, 'the API server has forgotten the old pod')
      assertTokenOf((await next.answers('own'))[0], fresh)
      const stolen = (await next.answers('thief')).filter(({ status }) => status === 200)
      assert.deepEqual(stolen, [])
    } finally {
      await place.kubectl(
        'delete',
        'validatingadmissionpolicy,validatingadmissionpolicybinding',
        place.namespace,
      )
    }
    await until('the old pod is told of its new address', { deadlineMs: 60_000 }, async () => {
      const now = await holder.address()
      return now !== '' && now !== address
    })
    assertTokenOf(await holder.token({ timeoutSeconds: 60 }), old)
  },
}

/** The API server takes no news of this pod from its kubelet: it keeps the address that it had. */
function freezeStatus({ namespace }: Place): Manifest[] {
  const apiVersion = 'admissionregistration.k8s.io/v1'
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: namespace },
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['pods/status'] },
          ],
        },
        validations: [
          {
            expression: `!('frozen' in object.metadata.labels) || object.metadata.labels['frozen'] != '${namespace}'`,
          },
        ],
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: namespace },
      spec: { policyName: namespace, validationActions: ['Deny'] },
    },
  ]
}

/** Resolves when the API server enforces it, which takes a moment. */
async function whenFrozen(place: Place): Promise<void> {
  const patch = JSON.stringify({ status: { message: 'thawed' } })
  await until('the pod is frozen', { deadlineMs: 30_000 }, () =>
    place.kubectl('patch', 'pod', 'holder', '--subresource=status', '-p', patch).then(
      () => false,
      (thrown: unknown) => String(thrown).includes('denied'),
    ),
  )
}

/** The node's IPv4 addresses that are taken, and the id of the sandbox that has each: a file for each address. */
async function addressOwners(node: ClusterNode): Promise<Map<string, string>> {
  const { stdout } = await node.run(['sh', '-c', `cd ${IPAM} && grep -H -m 1 . [0-9]*.*`])
  const lines = stdout.split('\n').filter((line) => line !== '')
  return new Map(
    lines.map((line): [string, string] => [line.split(':')[0] ?? '', line.split(':')[1]?.trim() ?? '']),
  )
}

/** The next pod of the node gets this address, if it is free. */
async function offerAddress(node: ClusterNode, address: string): Promise<void> {
  const parts = address.split('.')
  const before = [...parts.slice(0, 3), Number(parts[3]) - 1].join('.')
  await node.run(['sh', '-c', `printf %s ${before} > ${IPAM}/last_reserved_ip.0`])
}

/** All it printed, the token that it waited for included. */
async function whenServed(pod: AppPod): Promise<Answer[]> {
  return until('the pod has a token', { deadlineMs: 60_000 }, async () => {
    const answers = await pod.answers()
    return answers.at(-1)?.status === 200 ? answers : undefined
  })
}

export const ADDRESSES: readonly Scenario[] = [churn, reuse]
