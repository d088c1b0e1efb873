/** A node agent over real sockets, with stores that a test writes to and a broker that names its tokens. */
import type { HttpAnswer } from '../../src/azure/http-client.ts'
import type { ImdsClient } from '../../src/azure/imds-client.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { ObjectStore, type Store } from '../../src/kube/store.ts'
import { objectKey } from '../../src/model/names.ts'
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  AzurePodIdentityException,
  ObjectIdentity,
  Pod,
} from '../../src/model/resources.ts'
import type { CallerProof } from '../../src/nmi/caller.ts'
import { type NmiConfig, nmiConfig, type ServerLimits } from '../../src/nmi/config.ts'
import { build, type Nmi } from '../../src/nmi/nmi.ts'
import type { PodReader } from '../../src/nmi/pod-reader.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createRegistry, type Registry } from '../../src/telemetry/registry.ts'
import { FakeBroker } from '../fakes/fake-broker.ts'
import { makeAssigned, makeBinding, makeIdentity, makePod } from '../make/objects.ts'

class FakeImds implements Pick<ImdsClient, 'get'> {
  readonly asked: string[] = []
  answer: (pathAndQuery: string, signal: AbortSignal) => Promise<HttpAnswer> = () =>
    Promise.resolve({ status: 200, contentType: 'application/json', body: Buffer.from('{"compute":{}}') })

  get(pathAndQuery: string, signal: AbortSignal): Promise<HttpAnswer> {
    this.asked.push(pathAndQuery)
    return this.answer(pathAndQuery, signal)
  }
}

export interface NmiWorld extends AsyncDisposable {
  readonly nmi: Nmi
  readonly url: string
  readonly pods: ObjectStore<Pod>
  readonly bindings: ObjectStore<AzureIdentityBinding>
  readonly identities: ObjectStore<AzureIdentity>
  readonly assigned: ObjectStore<AzureAssignedIdentity>
  readonly exceptions: ObjectStore<AzurePodIdentityException>
  readonly broker: FakeBroker
  readonly imds: FakeImds
  readonly registry: Registry
  /** Audit lines, parsed. Flushed when the agent stops. */
  readonly audit: Record<string, unknown>[]
  /** Resolves when that many requests are being held. */
  waiting(count: number): Promise<void>
}

export type NmiOptions = Partial<Omit<NmiConfig, 'limits'>> & {
  limits?: Partial<ServerLimits>
  clock?: Clock
  podReader?: PodReader
  /** Made when the stores are there, before the first pod is. */
  proof?: CallerProof | ((pods: Store<Pod>) => CallerProof)
  /** False: the stores have not had their first list. */
  synced?: boolean
}

export async function startNmi(options: NmiOptions = {}): Promise<NmiWorld> {
  const { clock = systemClock, podReader, proof, synced = true, ...config } = options
  const pods = new ObjectStore<Pod>()
  const bindings = new ObjectStore<AzureIdentityBinding>()
  const identities = new ObjectStore<AzureIdentity>()
  const assigned = new ObjectStore<AzureAssignedIdentity>()
  const exceptions = new ObjectStore<AzurePodIdentityException>()
  if (synced) for (const store of [pods, bindings, identities, assigned, exceptions]) store.markSynced()
  const broker = new FakeBroker()
  const imds = new FakeImds()
  const registry = createRegistry()
  const audit: Record<string, unknown>[] = []
  const managed = config.mode === 'managed'
  const nmi = build(nmiConfig({ port: 0, ...config }), {
    stores: { pods, bindings, identities, exceptions, ...(managed ? {} : { assigned }) },
    broker,
    imds,
    clock,
    log: silentLog,
    registry,
    audit(lines, done) {
      for (const line of lines.trimEnd().split('\n')) audit.push(JSON.parse(line) as Record<string, unknown>)
      done()
    },
    ...(podReader === undefined ? {} : { podReader }),
    ...(proof === undefined ? {} : { proof: typeof proof === 'function' ? proof(pods) : proof }),
  })
  await nmi.start()
  return {
    nmi,
    url: `http://127.0.0.1:${nmi.port}`,
    pods,
    bindings,
    identities,
    assigned,
    exceptions,
    broker,
    imds,
    registry,
    audit,
    async waiting(count) {
      const pattern = new RegExp(`^podid_nmi_waiting_requests ${count}$`, 'm')
      while (!pattern.test(await registry.metrics())) await new Promise((done) => setImmediate(done))
    },
    [Symbol.asyncDispose]: () => nmi.stop(),
  }
}

export function put<T extends ObjectIdentity>(store: ObjectStore<T>, object: T): void {
  store.put(objectKey(object.namespace, object.name), object)
}

export function remove<T extends ObjectIdentity>(store: ObjectStore<T>, object: T): void {
  store.remove(objectKey(object.namespace, object.name))
}

/** The loopback address is a pod that is bound to the identity `shop`, which is assigned. */
export function bindShop(world: NmiWorld): { pod: Pod; identity: AzureIdentity } {
  const pod = makePod({ addresses: ['127.0.0.1'] })
  const identity = makeIdentity()
  put(world.pods, pod)
  put(world.identities, identity)
  put(world.bindings, makeBinding())
  put(world.assigned, makeAssigned({ identity }))
  return { pod, identity }
}
