import * as v from 'valibot'
import type { Clock } from '../../base/clock.ts'
import { waitUnder } from '../../base/deadline.ts'
import { errorText } from '../../base/errors.ts'
import { Owner } from '../../base/lifecycle.ts'
import { agentPods } from '../../kube/resources/pods.ts'
import type { Rest } from '../../kube/rest.ts'
import type { Change } from '../../kube/store.ts'
import { watchStore } from '../../kube/watched-store.ts'
import { objectKey } from '../../model/names.ts'
import { isLive, type Pod } from '../../model/resources.ts'
import { silentLog } from '../../telemetry/log.ts'
import { pathOf } from './manifests.ts'
import type { DemoPod, Place } from './place.ts'

export interface Kubelet {
  start(): Promise<void>
  stop(): Promise<void>
  /** Resolves when the pod runs. @throws the signal's reason. */
  running(key: string, signal: AbortSignal): Promise<DemoPod>
}

const podContainers = v.object({
  spec: v.object({ containers: v.array(v.object({ name: v.string(), image: v.optional(v.string(), '') })) }),
})

/** Every container of the pod, running since `startedAt`. */
function containersOf(pod: unknown, startedAt: string): object[] {
  return v.parse(podContainers, pod).spec.containers.map(({ name, image }) => ({
    name,
    image,
    imageID: '',
    ready: true,
    started: true,
    restartCount: 0,
    state: { running: { startedAt } },
  }))
}

interface KubeletOptions {
  readonly rest: Rest
  readonly node: string
  readonly place: Place
  readonly clock: Clock
  readonly onProblem: (text: string) => void
}

/**
 * Scheduler and kubelet of the demo's one node: every pod gets the node, a place in the network, an
 * address and the phase Running; a deleted pod loses them.
 */
export function createKubelet({ rest, node, place, clock, onProblem }: KubeletOptions): Kubelet {
  const owner = new Owner()
  const watch = watchStore({ rest, spec: agentPods(), clock, log: silentLog })
  const started = new Map<string, PromiseWithResolvers<DemoPod>>()
  const uids = new Map<string, string>()

  const slot = (key: string): PromiseWithResolvers<DemoPod> => {
    const known = started.get(key)
    if (known !== undefined) return known
    const fresh = Promise.withResolvers<DemoPod>()
    // Somebody may never ask for this pod.
    fresh.promise.catch(() => {})
    started.set(key, fresh)
    return fresh
  }

  async function run(pod: Pod): Promise<void> {
    const key = objectKey(pod.namespace, pod.name)
    const path = pathOf('Pod', pod.namespace, pod.name)
    const { signal } = owner
    if (pod.nodeName === '') {
      const binding = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: pod.name, namespace: pod.namespace },
        target: { apiVersion: 'v1', kind: 'Node', name: node },
      }
      await rest.send('POST', `${path}/binding`, { body: binding, signal })
    }
    const sandbox = await place.startPod(pod.name)
    const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: 'True',
    }))
    const containerStatuses = containersOf(
      await rest.getJson(path, { signal }),
      new Date(clock.now()).toISOString(),
    )
    await rest.send('PATCH', `${path}/status`, {
      contentType: 'application/merge-patch+json',
      body: {
        status: {
          phase: 'Running',
          conditions,
          containerStatuses,
          podIP: sandbox.ip,
          podIPs: [{ ip: sandbox.ip }],
          hostIP: place.componentAddress,
          startTime: new Date(clock.now()).toISOString(),
        },
      },
      signal,
    })
    slot(key).resolve(sandbox)
  }

  async function end(pod: Pod): Promise<void> {
    const key = objectKey(pod.namespace, pod.name)
    const known = started.get(key)
    started.delete(key)
    uids.delete(key)
    await (await known?.promise)?.stop()
  }

  /** A deleted pod goes at once: nothing runs in it that needs a grace period. */
  async function remove(pod: Pod): Promise<void> {
    await rest.send('DELETE', pathOf('Pod', pod.namespace, pod.name), {
      query: { gracePeriodSeconds: 0 },
      signal: owner.signal,
    })
  }

  function take({ key, before, after }: Change<Pod>): void {
    const done = (work: Promise<void>): void => {
      work.catch((thrown: unknown) => {
        if (!owner.signal.aborted) onProblem(`pod ${key}: ${errorText(thrown)}`)
      })
    }
    if (after === undefined) {
      if (before !== undefined) done(end(before))
      return
    }
    if (after.deleting) done(remove(after))
    else if (isLive(after) && uids.get(key) !== after.uid) {
      uids.set(key, after.uid)
      done(run(after))
    }
  }

  return {
    async start() {
      owner.own(() => watch.stop())
      owner.own(watch.store.subscribe(take))
      await watch.start()
      await watch.store.whenSynced(owner.signal)
    },
    stop: () => owner.close(),
    running: (key, signal) => waitUnder(signal, slot(key).promise),
  }
}
