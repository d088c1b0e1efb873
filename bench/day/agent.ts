/** A node agent without sockets: the real caller, authorisation, waits and token engine on a fake clock. */
import type { ImdsClient } from '../../src/azure/imds-client.ts'
import type { Clock } from '../../src/base/clock.ts'
import { ObjectStore } from '../../src/kube/store.ts'
import { objectKey } from '../../src/model/names.ts'
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  AzurePodIdentityException,
  Pod,
} from '../../src/model/resources.ts'
import { createCallers } from '../../src/nmi/caller.ts'
import { createClusterView } from '../../src/nmi/cluster-view.ts'
import { nmiConfig } from '../../src/nmi/config.ts'
import { createConnections } from '../../src/nmi/connections.ts'
import type { Outcome } from '../../src/nmi/outcome.ts'
import { createPodAsker } from '../../src/nmi/pod-asker.ts'
import { watchPodEnds } from '../../src/nmi/pod-ends.ts'
import { createStandings } from '../../src/nmi/standing.ts'
import { createTokenFlow } from '../../src/nmi/token-flow.ts'
import { addressWaitKey, createWaiters, podWaitKey } from '../../src/nmi/waiters.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createTokenBroker } from '../../src/tokens/broker.ts'
import { FakeSocket } from '../../test/fakes/fake-socket.ts'
import { CountingMetrics } from '../../test/fakes/token-sources.ts'

const TARGET = { kind: 'token', resource: 'https://vault.azure.net', selector: {} } as const

export interface AgentStores {
  readonly pods: ObjectStore<Pod>
  readonly assigned: ObjectStore<AzureAssignedIdentity>
  readonly bindings: ObjectStore<AzureIdentityBinding>
  readonly identities: ObjectStore<AzureIdentity>
}

export interface Agent {
  readonly stores: AgentStores
  /** One request over a new connection from this address; undefined when the agent stopped meanwhile. */
  ask(address: string): Promise<Outcome | undefined>
  stop(): Promise<void>
}

export async function startAgent(clock: Clock, imds: Pick<ImdsClient, 'token'>): Promise<Agent> {
  const stores = {
    pods: new ObjectStore<Pod>(),
    bindings: new ObjectStore<AzureIdentityBinding>(),
    identities: new ObjectStore<AzureIdentity>(),
    assigned: new ObjectStore<AzureAssignedIdentity>(),
    exceptions: new ObjectStore<AzurePodIdentityException>(),
  }
  for (const store of Object.values(stores)) store.markSynced()
  const config = nmiConfig()
  const broker = createTokenBroker({
    clock,
    log: silentLog,
    metrics: new CountingMetrics(),
    imds,
    entra: { token: () => Promise.reject(new Error('there are no service principals')) },
    rules: { loginOrigin: 'https://login.example', forceNamespaced: false },
  })
  await broker.start()
  const stopped = new AbortController()
  const view = createClusterView(stores)
  const waiters = createWaiters(clock)
  const callers = createCallers({ pods: stores.pods, waiters, clock, waitMs: config.hold.callerMs })
  const connections = createConnections(callers, 1_000)
  const standings = createStandings({ config, view, broker, clock, log: silentLog })
  const flow = createTokenFlow({
    config,
    standings,
    broker,
    waiters,
    clock,
    closing: () => stopped.signal.aborted,
  })
  watchPodEnds(stores.pods, {
    podEnded(pod) {
      callers.ended(pod)
      connections.podEnded(pod)
      standings.podEnded(pod)
      broker.podGone(pod.uid)
    },
    addressesLeft: (pod, addresses) => connections.addressesLeft(pod, addresses),
  })
  stores.pods.subscribe(({ before, after }) => {
    for (const pod of [before, after]) {
      if (pod === undefined) continue
      waiters.wake(podWaitKey(objectKey(pod.namespace, pod.name)))
      for (const address of pod.addresses) waiters.wake(addressWaitKey(address))
    }
  })
  stores.bindings.subscribe(() => waiters.wakeAll())
  stores.identities.subscribe(() => waiters.wakeAll())
  stores.assigned.subscribe(({ before, after }) => {
    const object = after ?? before
    if (object !== undefined) waiters.wake(podWaitKey(objectKey(object.podNamespace, object.pod)))
  })

  return {
    stores,
    async ask(address) {
      const socket = new FakeSocket(address)
      connections.accept(socket.asSocket())
      const connection = connections.of(socket.asSocket())
      if (connection === undefined) return undefined
      const asker = createPodAsker(connection, { callers, clock })
      try {
        return flow.now(asker, TARGET) ?? (await flow.wait(asker, TARGET, stopped.signal))
      } catch (thrown) {
        if (stopped.signal.aborted) return undefined
        throw thrown
      } finally {
        socket.destroy()
      }
    },
    async stop() {
      stopped.abort(new Error('the agent stops'))
      waiters.wakeAll()
      await broker.stop()
    },
  }
}
