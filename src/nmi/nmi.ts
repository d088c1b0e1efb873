import type { ImdsClient } from '../azure/imds-client.ts'
import type { Clock } from '../base/clock.ts'
import { type Component, Owner } from '../base/lifecycle.ts'
import { objectKey } from '../model/names.ts'
import type { Pod } from '../model/resources.ts'
import { listen } from '../telemetry/http-door.ts'
import type { Log } from '../telemetry/log.ts'
import { createNmiMetrics } from '../telemetry/nmi-metrics.ts'
import type { Check } from '../telemetry/probes.ts'
import type { Registry } from '../telemetry/registry.ts'
import type { TokenBroker } from '../tokens/token-source.ts'
import { createAnswers } from './answers.ts'
import { createAudit, type LineSink } from './audit.ts'
import { type CallerProof, createCallers } from './caller.ts'
import { createClusterView, type NmiStores } from './cluster-view.ts'
import type { NmiConfig } from './config.ts'
import { createConnections } from './connections.ts'
import { createFront } from './front.ts'
import { createHostDoor } from './host-door.ts'
import { createHostSocket } from './host-socket.ts'
import { createMetadataDoor, createMetadataLimiter } from './metadata-door.ts'
import { createNodeConnections } from './node-connections.ts'
import { watchPodEnds } from './pod-ends.ts'
import { createDirectReads, type PodReader } from './pod-reader.ts'
import { type Bind, createNmiServer, type NmiServer } from './server.ts'
import { createStandings } from './standing.ts'
import { createTokenBodies } from './token-body.ts'
import { createTokenDoor, createTokenService } from './token-door.ts'
import { createTokenFlow } from './token-flow.ts'
import { addressWaitKey, createWaiters, podWaitKey, type Waiters } from './waiters.ts'
import { createWaitingSlots } from './waiting-slots.ts'

export interface NmiDeps {
  readonly stores: NmiStores
  /** Absent: an address that the watch does not tell in time is refused (retryable). */
  readonly podReader?: PodReader
  readonly broker: TokenBroker
  readonly imds: Pick<ImdsClient, 'get'>
  readonly clock: Clock
  readonly log: Log
  /** Where audit lines go. */
  readonly audit: LineSink
  readonly registry: Registry
  /** Evidence beyond the source address; without it the watch alone tells whose address it is. */
  readonly proof?: CallerProof
}

export interface Nmi extends Component {
  /** The port it listens on; 0 before `start`. */
  readonly port: number
  /** Takes back what an agent took over that has ended. @throws OperatorError when that cannot be. */
  regain(): Promise<void>
  /** Conditions of readiness that the request path knows. */
  checks(): readonly Check[]
}

/** The node agent's request path: server -> caller -> authorize -> token -> reply. */
export function build(config: NmiConfig, deps: NmiDeps): Nmi {
  const { stores, broker, clock, log } = deps
  const owner = new Owner()
  // Aborts when held requests must end; before that a stopping agent lets them finish.
  const stopping = new AbortController()
  const view = createClusterView(stores)
  const waiters = createWaiters(clock)
  const reads =
    deps.podReader === undefined
      ? undefined
      : createDirectReads({ reader: deps.podReader, clock, log, signal: owner.signal })
  const callers = createCallers({
    pods: stores.pods,
    waiters,
    clock,
    waitMs: config.hold.callerMs,
    reads,
    proof: deps.proof,
  })
  const connections = createConnections(callers, config.limits.maxConnectionsPerAddress, (verdict) =>
    metrics.connectionJudged(verdict),
  )
  const nodeConnections = createNodeConnections()
  const slots = createWaitingSlots(config.limits)
  // Over the socket one component asks for all pods of the node.
  const { maxWaiting } = config.limits
  const nodeSlots = createWaitingSlots({ maxWaiting, maxWaitingPerAddress: maxWaiting })
  const metrics = createNmiMetrics(deps.registry, {
    connections: () => connections.size + nodeConnections.size,
    waiting: () => slots.size + nodeSlots.size,
    inFlight: () => server.inFlight + (hostSocket?.inFlight ?? 0),
  })
  const audit = createAudit({ clock, write: deps.audit, onDrop: metrics.auditDropped })
  const answers = createAnswers({ rules: config, metrics, audit, log, clock })
  const standings = createStandings({ config, view, broker, clock, log })
  let closing = false
  const flow = createTokenFlow({ config, standings, broker, waiters, clock, closing: () => closing })
  const bodies = createTokenBodies()
  const serving = { flow, answers, metrics, clock, log, stopping: stopping.signal }
  const service = createTokenService({ ...serving, slots })
  const hosting = { answers, view, waiters, bodies, clock, waitMs: config.hold.callerMs }
  const rules = { answers, metadataHeaderRequired: config.metadataHeaderRequired, synced: view.synced }
  const metadataLimiter = createMetadataLimiter(clock)
  owner.own(() => metadataLimiter.stop())
  const front = createFront({
    ...rules,
    tokenDoor: createTokenDoor({ service, callers, bodies, clock }),
    hostDoor: createHostDoor({ ...hosting, service, admits: 'loopback' }),
    metadataDoor: createMetadataDoor({
      config,
      imds: deps.imds,
      limiter: metadataLimiter,
      callers,
      view,
      answers,
      clock,
      log,
      stopping: stopping.signal,
    }),
  })
  const faults = { onFault: answers.fault, onRefusedConnection: metrics.connectionRefused }
  const endHeld = (): void => stopping.abort(new Error('podid stops'))
  const { limits } = config
  const server = createNmiServer({
    bind: (made) => listen(made, { ...config, purpose: 'token requests (--nmi-port)' }),
    limits,
    connections,
    clock,
    handle: front,
    ...faults,
    onDrained: endHeld,
  })
  const hostFront = createFront({
    ...rules,
    hostDoor: createHostDoor({
      ...hosting,
      service: createTokenService({ ...serving, slots: nodeSlots }),
      admits: 'anybody',
    }),
  })
  const makeHostServer = (bind: Bind, final: () => boolean): NmiServer =>
    createNmiServer({
      bind,
      limits,
      connections: nodeConnections,
      clock,
      handle: hostFront,
      ...faults,
      onDrained: () => (final() ? endHeld() : undefined),
    })
  const hostSocket =
    config.hostDoorSocket === ''
      ? undefined
      : createHostSocket({ path: config.hostDoorSocket, makeServer: makeHostServer, log })

  // The first listener: what belongs to an ended pod is gone before anything else hears of it.
  owner.own(
    watchPodEnds(stores.pods, {
      podEnded(pod) {
        callers.ended(pod)
        connections.podEnded(pod)
        standings.podEnded(pod)
        broker.podGone(pod.uid)
      },
      addressesLeft: (pod, addresses) => connections.addressesLeft(pod, addresses),
    }),
  )
  wakeOnChange(stores, waiters, owner)
  deps.proof?.subscribe?.((address) => waiters.wake(addressWaitKey(address)))
  owner.own(() => audit.close())
  owner.own(async () => void (await Promise.all([server.close(), hostSocket?.close()])))

  return {
    async start() {
      await server.open()
      log.info({ host: config.host, port: server.port, mode: config.mode }, 'token requests are answered')
      await hostSocket?.open()
    },
    regain: () => hostSocket?.regain() ?? Promise.resolve(),
    stop() {
      // Held requests end now with a retryable answer: the next agent serves the retry.
      closing = true
      waiters.wakeAll()
      return owner.close()
    },
    get port() {
      return server.port
    },
    checks: () => [
      {
        name: 'cluster-state',
        failure: view.synced() ? undefined : `the first list is missing of: ${view.missing().join(', ')}`,
      },
    ],
  }
}

/** Wakes the requests that a watch event may concern: they decide anew, the event decides nothing. */
function wakeOnChange(stores: NmiStores, waiters: Waiters, owner: Owner): void {
  const wakePod = (pod: Pod | undefined): void => {
    if (pod === undefined) return
    waiters.wake(podWaitKey(objectKey(pod.namespace, pod.name)))
    for (const address of pod.addresses) waiters.wake(addressWaitKey(address))
  }
  owner.own(
    stores.pods.subscribe(({ before, after }) => {
      wakePod(before)
      wakePod(after)
    }),
  )
  owner.own(stores.bindings.subscribe(() => waiters.wakeAll()))
  owner.own(stores.identities.subscribe(() => waiters.wakeAll()))
  owner.own(stores.exceptions.subscribe(() => waiters.wakeAll()))
  if (stores.assigned === undefined) return
  owner.own(
    stores.assigned.subscribe(({ before, after }) => {
      if (before !== undefined) waiters.wake(podWaitKey(objectKey(before.podNamespace, before.pod)))
      if (after !== undefined) waiters.wake(podWaitKey(objectKey(after.podNamespace, after.pod)))
    }),
  )
}
