/** A cluster, an ARM and a MIC on one fake clock, for tests of the controller. */

import { MIC_DEFAULTS, type MicConfig } from '../../src/mic/config.ts'
import { type DrainResult, drain } from '../../src/mic/drain.ts'
import { createProtection } from '../../src/mic/protection.ts'
import { createTerm, type TermDeps } from '../../src/mic/term.ts'
import { type Stores, World } from '../../src/mic/world.ts'
import type { Node } from '../../src/model/resources.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMicMetrics } from '../../src/telemetry/mic-metrics.ts'
import { createRegistry } from '../../src/telemetry/registry.ts'
import { FakeArm } from '../fakes/fake-arm.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { FakeCluster } from '../fakes/fake-cluster.ts'
import { clientIdOf, identityId, makeBinding, makeIdentity, SUBSCRIPTION } from './objects.ts'

export function vmssId(name: string): string {
  return `/subscriptions/${SUBSCRIPTION}/resourcegroups/nodes/providers/microsoft.compute/virtualmachinescalesets/${name}`
}

export function vmId(name: string): string {
  return `/subscriptions/${SUBSCRIPTION}/resourcegroups/nodes/providers/microsoft.compute/virtualmachines/${name}`
}

export function makeNode(name: string, providerId: string): Node {
  return { name, uid: `uid-${name}`, resourceVersion: '1', providerId, createdAt: 0, startupTaints: [] }
}

/** Node `n` of a scale set, in the mixed spelling that clusters show. */
export function vmssNode(set: string, n: number): Node {
  return makeNode(
    `${set}-${n}`,
    `azure:///subscriptions/${SUBSCRIPTION}/resourceGroups/NODES/providers/Microsoft.Compute/virtualMachineScaleSets/${set}/virtualMachines/${n}`,
  )
}

export interface MicWorld {
  readonly clock: FakeClock
  readonly cluster: FakeCluster
  readonly arm: FakeArm
  /** What a MIC is built from, over new watches. */
  deps(): TermDeps
  /** Starts a MIC, as a process start or a new leader would. */
  readonly startMic: () => RunningMic
  /** `podid mic --drain`, as its leader. */
  drain(timeoutMs: number): Promise<DrainResult>
  /** An AzureIdentity with its ARM identity and a binding of the same selector. */
  readonly addIdentity: (name: string, selector?: string) => void
}

export interface RunningMic {
  /** Ends it as kill -9 would: nothing more is written, nothing is tidied. */
  kill(): Promise<void>
  pending(): { pods: number; groups: number }
  readonly ended: Promise<void>
}

export function makeMicWorld(
  options: {
    config?: Partial<MicConfig>
    seed?: number
    clusterIdentity?: string
    draining?: boolean
    wrap?: (deps: TermDeps) => TermDeps
  } = {},
): MicWorld {
  const clock = new FakeClock({ seed: options.seed ?? 1 })
  const cluster = new FakeCluster(clock)
  const arm = new FakeArm(clock)
  const config = { ...MIC_DEFAULTS, clientQps: 10_000, ...options.config }
  const depsOver = (stores: Stores): TermDeps => ({
    config,
    clock,
    log: silentLog,
    metrics: createMicMetrics(createRegistry()),
    world: new World(stores),
    refresh: () => Promise.resolve(),
    arm,
    writer: cluster.writer(),
    records: cluster.ownershipRecords(),
    events: cluster.eventSink(),
    protection: createProtection({
      immutable: config.immutableIdentities,
      clusterIdentity: () => options.clusterIdentity ?? '',
      login: () => arm.login(),
    }),
  })
  return {
    clock,
    cluster,
    arm,
    deps: () => depsOver(cluster.watch().stores),
    async drain(timeoutMs) {
      const { stores, stop } = cluster.watch()
      try {
        return await drain(depsOver(stores), timeoutMs, new AbortController().signal)
      } finally {
        stop()
      }
    },
    startMic() {
      const { stores, stop } = cluster.watch()
      const controller = new AbortController()
      const deps = depsOver(stores)
      const term = createTerm(options.wrap?.(deps) ?? deps, controller.signal, options.draining ?? false)
      const ended = term.run().catch((thrown: unknown) => {
        if (!controller.signal.aborted) throw thrown
      })
      return {
        pending: () => term.pending(),
        ended,
        async kill() {
          stop()
          controller.abort(new Error('killed'))
          await ended
        },
      }
    },
    addIdentity(name, selector = name) {
      arm.addIdentity(identityId(name), clientIdOf(name))
      cluster.put('identities', makeIdentity({ name }))
      cluster.put('bindings', makeBinding({ name: `${name}-binding`, azureIdentity: name, selector }))
    },
  }
}
