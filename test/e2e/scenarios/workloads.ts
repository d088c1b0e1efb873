/** Pods as the controllers of Kubernetes make them, and containers that start before the main one. */
import assert from 'node:assert/strict'
import { appContainer, appPodTemplate } from '../app-pod.ts'
import { patchesOf } from '../arm-patches.ts'
import { firstContainer } from '../cluster/pod-object.ts'
import { until } from '../cluster/until.ts'
import type { Manifest, Place } from '../place.ts'
import type { Scenario } from '../scenario.ts'
import { assertTokenOf } from '../token-proof.ts'

const POOL = { node: 'pool-0' } as const

const initContainer: Scenario = {
  name: 'init-container',
  proves: 'an init container has its token before the main container of the pod starts',
  shapes: ['routed', 'bridge'],
  async run(place) {
    const shop = place.identity('init')
    await place.bind(shop)
    const spec = {
      restartPolicy: 'Never',
      initContainers: [appContainer('early', ['token', '-timeout=60'])],
      containers: [appContainer('app', ['token', '-timeout=60'])],
    }
    const pod = await place.startPod('shop', { selector: shop.name, spec })
    await pod.succeeded()
    const [early] = await pod.answers('early')
    assertTokenOf(early, shop)
    const [main] = await pod.answers('app')
    assertTokenOf(main, shop)
    const began = firstContainer(await pod.object())?.state.terminated?.startedAt ?? ''
    assert.ok(Date.parse(early?.at ?? '') < Date.parse(began) + 1_000, 'the main container ran already')
  },
}

const nativeSidecar: Scenario = {
  name: 'native-sidecar',
  proves:
    'a sidecar (an init container that stays) and the main container both get the token of their pod, and a pod that ends takes its identity along',
  async run(place) {
    const shop = place.identity('sidecar')
    await place.bind(shop)
    const spec = {
      restartPolicy: 'Never',
      initContainers: [appContainer('sidecar', ['first'], { restartPolicy: 'Always' })],
      containers: [appContainer('app', ['token', '-timeout=60'])],
    }
    const pod = await place.startPod('shop', { ...POOL, selector: shop.name, spec })
    await pod.succeeded()
    assertTokenOf((await pod.answers('sidecar')).at(-1), shop)
    assertTokenOf((await pod.answers('app'))[0], shop)
    await place.whenNothingAssigned()
    await place.whenOnMachine('pool', [])
  },
}

const job: Scenario = {
  name: 'job',
  proves:
    'each pod of a Job gets a token, and when they have succeeded their assigned identities go and the identity leaves the scale set, though the pods are still listed',
  smoke: true,
  async run(place) {
    const batch = place.identity('batch')
    await place.bind(batch)
    await place.apply(jobOf('report', batch.name))
    await place.kubectl('wait', '--for=condition=Complete', 'job/report', '--timeout=120s')
    const pods = await place.podNames('job-name=report')
    assert.equal(pods.length, 3)
    for (const name of pods) assertTokenOf((await place.existing(name).answers())[0], batch)
    await place.whenNothingAssigned()
    await place.whenOnMachine('pool', [])
    assert.equal((await place.podNames('job-name=report')).length, 3)
  },
}

const cronJob: Scenario = {
  name: 'cron-job',
  proves:
    'the pods of a CronJob get their tokens run after run, and between two runs the identity is on no machine',
  async run(place, world) {
    const nightly = place.identity('nightly')
    await place.bind(nightly)
    const { apiVersion: _, kind: __, ...jobTemplate } = jobOf('nightly', nightly.name)
    await place.apply({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'nightly' },
      spec: { schedule: '* * * * *', concurrencyPolicy: 'Forbid', jobTemplate },
    })
    const first = await until('the schedule has started a Job', { deadlineMs: 90_000 }, async () => {
      const path = `/apis/batch/v1/namespaces/${place.namespace}/jobs`
      return (await world.reads.list<{ metadata: { name: string } }>(path))[0]?.metadata.name
    })
    await place.kubectl('patch', 'cronjob', 'nightly', '-p', '{"spec":{"suspend":true}}')
    for (const name of [first, 'by-hand']) {
      if (name === 'by-hand') await place.kubectl('create', 'job', name, '--from=cronjob/nightly')
      await place.kubectl('wait', '--for=condition=Complete', `job/${name}`, '--timeout=120s')
      const pods = await place.podNames(`job-name=${name}`)
      assert.equal(pods.length, 3)
      for (const each of pods) assertTokenOf((await place.existing(each).answers())[0], nightly)
      await place.whenNothingAssigned()
      await place.whenOnMachine('pool', [])
    }
    world.say('       CronJob: one run by its schedule, one by hand')
  },
}

/** Three pods on one scale set that ask once and end. */
function jobOf(name: string, selector: string): Manifest {
  const template = appPodTemplate({
    ...POOL,
    selector,
    command: ['token', '-timeout=60'],
    spec: { restartPolicy: 'Never' },
  })
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { completions: 3, parallelism: 3, backoffLimit: 0, template },
  }
}

const replicaSet: Scenario = {
  name: 'replica-set',
  proves:
    'a pod of a ReplicaSet that has failed loses its assigned identity at once, its successor gets one, and the last pod takes the identity off the scale set',
  async run(place) {
    const shop = place.identity('set')
    await place.bind(shop)
    await place.apply(replicasOf('shop', { app: 'shop' }, shop.name))
    await place.kubectl('wait', '--for=jsonpath={.status.readyReplicas}=2', 'rs/shop', '--timeout=60s')
    const [victim = '', other = ''] = await place.podNames('app=shop')
    for (const name of [victim, other]) assertTokenOf(await place.existing(name).token(), shop)
    await place.kubectl('patch', 'pod', victim, '-p', '{"spec":{"activeDeadlineSeconds":1}}')
    await place.kubectl('wait', '--for=jsonpath={.status.phase}=Failed', `pod/${victim}`, '--timeout=60s')
    await place.kubectl('wait', '--for=jsonpath={.status.readyReplicas}=2', 'rs/shop', '--timeout=60s')
    const names = await place.podNames('app=shop')
    const successor = names.find((name) => name !== victim && name !== other) ?? ''
    assertTokenOf(await place.existing(successor).token(), shop)
    await place.whenAssigned(victim, [])
    await place.whenAssigned(successor, [shop])
    assert.deepEqual(place.onMachine('pool'), [shop.id.toLowerCase()])
    await place.kubectl('scale', 'rs/shop', '--replicas=0')
    await place.whenNothingAssigned()
    await place.whenOnMachine('pool', [])
  },
}

function replicasOf(name: string, labels: Record<string, string>, selector: string): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: appPodTemplate({ ...POOL, selector, labels }),
    },
  }
}

const statefulSet: Scenario = {
  name: 'stateful-set',
  proves:
    'a pod of a StatefulSet that comes back under its name, with another address, gets its token again, and its identity never leaves the scale set meanwhile',
  async run(place, world) {
    const db = place.identity('db')
    await place.bind(db)
    await place.apply({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db' },
      spec: {
        serviceName: 'db',
        replicas: 2,
        selector: { matchLabels: { app: 'db' } },
        template: appPodTemplate({ ...POOL, selector: db.name, labels: { app: 'db' } }),
      },
    })
    await place.kubectl('wait', '--for=jsonpath={.status.readyReplicas}=2', 'statefulset/db', '--timeout=90s')
    const first = place.existing('db-0')
    assertTokenOf(await first.token(), db)
    const before = await lifeOf(place, 'db-0')
    const patches = patchesOf(world, db)
    await first.delete()
    await until('db-0 is another pod', { deadlineMs: 60_000 }, async () => {
      const pod = await world.reads.pod(place.namespace, 'db-0')
      return pod !== undefined && pod.metadata.uid !== before.uid
    })
    await first.running()
    assertTokenOf(await first.token(), db)
    const after = await lifeOf(place, 'db-0')
    assert.notEqual(after.uid, before.uid)
    assert.notEqual(after.ip, before.ip)
    const [assigned] = await place.whenAssigned('db-0', [db])
    assert.equal(assigned?.spec.pod, 'db-0')
    assert.deepEqual(
      patchesOf(world, db),
      patches,
      'ARM was asked about an identity that db-1 uses all the time',
    )
  },
}

async function lifeOf(place: Place, name: string): Promise<{ uid: string; ip: string | undefined }> {
  const { metadata, status } = await place.existing(name).object()
  return { uid: metadata.uid, ip: status.podIP }
}

const namespaceGone: Scenario = {
  name: 'namespace-deleted',
  proves:
    'a namespace that is deleted with pods, bindings and identities in it goes within seconds: no finalizer holds it, and its identities leave Azure',
  smoke: true,
  async run(place, world) {
    const shop = place.identity('gone')
    const till = place.identity('till')
    for (const each of [shop, till]) await place.bind(each, { selector: 'gone' })
    for (const node of ['pool-0', 'pool-1', 'blue-0']) {
      const pod = await place.pod(node, { selector: 'gone', node })
      assertTokenOf(await pod.token({ clientId: till.clientId }), till)
      await place.whenAssigned(node, [shop, till])
    }
    const started = world.clock.monotonic()
    await place.kubectl('delete', 'namespace', place.namespace, '--timeout=60s')
    const seconds = (world.clock.monotonic() - started) / 1000
    await place.whenOnMachine('pool', [])
    await place.whenOnMachine('blue', [])
    await place.whenNothingAssigned()
    world.say(
      `       the namespace with 3 pods and 6 assigned identities was gone after ${seconds.toFixed(1)} s`,
    )
  },
}

export const WORKLOADS: readonly Scenario[] = [
  initContainer,
  nativeSidecar,
  job,
  cronJob,
  replicaSet,
  statefulSet,
  namespaceGone,
]
