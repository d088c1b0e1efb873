/** From AAD Pod Identity 1.8 to podid and back, as docs/install.md says, while pods ask for tokens all the time. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { BINDING_LABEL } from '../../../src/model/names.ts'
import type { Answer, AppPod } from '../app-pod.ts'
import { patchesOf } from '../arm-patches.ts'
import { resourceIdOf } from '../cluster/cluster-azure.ts'
import { endLoad, startLoad, toldLoad } from '../load.ts'
import type { Identity, Manifest, Place } from '../place.ts'
import { PODID_IMAGE } from '../podid-image.ts'
import { CHART, RELEASE_NAMESPACE } from '../release.ts'
import { rolledOut } from '../rollout.ts'
import type { Scenario } from '../scenario.ts'
import { assertToken } from '../token-answer.ts'
import type { World } from '../world.ts'

const OLD_CHART = join(import.meta.dirname, '..', 'old-release')
const OLD = 'aad-pod-identity'
const NODES = ['pool-0', 'pool-1', 'blue-0']
/** Kubernetes tells times in whole seconds. */
const SECOND_MS = 1_000

/** What somebody had set; names as the old chart had them. */
const OLD_VALUES = {
  forceNamespaced: 'false',
  mic: { replicas: 2, logVerbosity: 3 },
  nmi: { probePort: '8085' },
}

const finalizer = 'azureassignedidentity.finalizers.aadpodidentity.k8s.io'

/** The object as the old MIC wrote it when it had assigned the identity. */
function oldAssigned(place: Place, identity: Identity, pod: string, node: string): Manifest {
  const ref = (manifest: Manifest): object => ({
    ...manifest,
    metadata: { ...(manifest['metadata'] as object), namespace: place.namespace, resourceVersion: '1' },
  })
  return {
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzureAssignedIdentity',
    metadata: {
      name: `${pod}-${place.namespace}-${identity.name}`,
      namespace: 'default',
      labels: { nodename: node, podname: pod },
      finalizers: [finalizer],
    },
    spec: {
      azureIdentityRef: ref(place.identityManifest(identity)),
      azureBindingRef: ref(place.bindingManifest(identity, identity.name)),
      pod,
      podNamespace: place.namespace,
      nodename: node,
      replicas: null,
    },
    status: { status: 'Assigned', availableReplicas: 1, metadata: { creationTimestamp: null } },
  }
}

/** AAD Pod Identity with an identity that its MIC has assigned, and a pod on each node that uses it. */
async function startOld(place: Place, world: World, identity: Identity): Promise<AppPod[]> {
  const { azure, cluster, kubectl, podid } = world
  for (const resource of ['pool', 'blue']) {
    const machine = cluster.machines.find((each) => each.resource === resource)
    assert.ok(machine)
    azure.control.assign(resourceIdOf(machine), identity.id)
  }
  await podid.prepare()
  const standIn = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'stand-in', namespace: RELEASE_NAMESPACE },
    data: { clientID: identity.clientId },
  }
  await kubectl.ok(['apply', '-f', '-'], JSON.stringify(standIn))
  await podid.helm(
    ['install', OLD, OLD_CHART, '--values', '-', '--wait', '--timeout', '60s'],
    JSON.stringify(OLD_VALUES),
  )
  await place.bind(identity)
  return Promise.all(
    NODES.map(async (node) => {
      const pod = await startLoad(place, { name: `load-${node}`, identity, rate: 4, node })
      await kubectl.ok(['apply', '-f', '-'], JSON.stringify(oldAssigned(place, identity, pod.name, node)))
      return pod
    }),
  )
}

async function agentOn({ kubectl }: World, node: string): Promise<{ name: string; readyAtMs: number }> {
  const label = `app.kubernetes.io/instance=${OLD},app.kubernetes.io/component=nmi`
  const path =
    'jsonpath={.items[0].metadata.name} {.items[0].status.conditions[?(@.type=="Ready")].lastTransitionTime}'
  const field = `spec.nodeName=${node}`
  const args = ['-n', RELEASE_NAMESPACE, 'get', 'pods', '-l', label, '--field-selector', field, '-o', path]
  const [name = '', readyAt = ''] = (await kubectl.ok(args)).split(' ')
  return { name, readyAtMs: Date.parse(readyAt) }
}

/** Names and uids of what the old MIC wrote. */
async function objects({ kubectl }: World): Promise<string> {
  const path = 'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.status.status}{"\\n"}{end}'
  return kubectl.ok(['get', 'azureassignedidentities', '--namespace', 'default', '-o', path])
}

/** What failed after that time. An answer after it may have had a try before it. */
function failedAfter(answers: readonly Answer[], ms: number): Answer[] {
  const isAfter = ({ at }: { readonly at: string }): boolean => Date.parse(at) > ms
  return answers.filter((each) => (each.status !== 200 && isAfter(each)) || (each.failed ?? []).some(isAfter))
}

const migration: Scenario = {
  name: 'upgrade-from-aad-pod-identity',
  proves:
    'an installed AAD Pod Identity 1.8 with live objects becomes podid by one helm upgrade, and again the old one by a rollback: no token is refused once podid’s agent is ready on a node, and no identity is taken off or put on anew',
  ownCluster: true,
  deadlineSeconds: 500,
  async run(place, world) {
    const { podid } = world
    const shop = place.identity('shop')
    const pods = await startOld(place, world, shop)
    for (const pod of pods) assertToken(await pod.token(), shop.clientId)
    const before = await objects(world)
    assert.equal(before.trim().split('\n').length, NODES.length)

    // docs/install.md, word by word.
    const values = await podid.helm(['get', 'values', OLD, '-o', 'yaml'])
    const [repository = ''] = PODID_IMAGE.split('/podid:')
    const sets = [
      `image.repository=${repository}`,
      'image.imagePullPolicy=Never',
      `nameOverride=${OLD}`,
      'caBundle.configMap=azure-ca',
    ]
    await podid.helm(
      ['upgrade', OLD, CHART, '--values', '-', ...sets.flatMap((each) => ['--set', each])],
      values,
    )
    await rolledOut(world.reads, RELEASE_NAMESPACE, `daemonsets/${OLD}-nmi`, 180_000)
    await rolledOut(world.reads, RELEASE_NAMESPACE, `deployments/${OLD}-mic`, 55_000)
    const ready = await Promise.all(NODES.map((node) => agentOn(world, node)))

    // podid's MIC leads now: it takes on what is new, and leaves what is there.
    const fresh = place.identity('fresh')
    await place.bind(fresh)
    const next = await place.pod('fresh', { selector: fresh.name, node: 'pool-0', command: ['first'] })
    assertToken(await next.token(), fresh.clientId)
    const after = await objects(world)
    for (const each of before.trim().split('\n'))
      assert.ok(after.includes(each), `${each} is not as it was: ${after}`)
    await place.kubectl('label', 'pod', 'fresh', `${BINDING_LABEL}-`)
    await place.whenOnMachine('pool', [shop])

    for (const [at, pod] of pods.entries()) {
      const readyAtMs = (ready[at]?.readyAtMs ?? 0) + SECOND_MS
      const figures = await endLoad(pod, shop, readyAtMs)
      world.say(`       ${NODES[at] ?? ''}: ${toldLoad(figures)}, all while the old agent ended`)
      assert.deepEqual(failedAfter(await pod.answers(), readyAtMs), [])
    }
    const { additions, removals } = patchesOf(world, shop)
    assert.deepEqual([additions, removals], [[], []], 'no change of Azure for what was there')

    await podid.helm(['rollback', OLD, '--wait', '--timeout', '120s'])
    const again = await place.pod('again', { selector: shop.name, node: 'pool-1' })
    assertToken(await again.token(), shop.clientId)
    assert.deepEqual(patchesOf(world, shop).removals, [])
  },
}

export const MIGRATION: readonly Scenario[] = [migration]
