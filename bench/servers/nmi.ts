/** NMI's whole request path with the real token engine, over stores that this process fills itself. */
import { createEntraClient } from '../../src/azure/entra-client.ts'
import { createImdsClient } from '../../src/azure/imds-client.ts'
import { systemClock } from '../../src/base/clock.ts'
import { ObjectStore } from '../../src/kube/store.ts'
import { objectKey } from '../../src/model/names.ts'
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  AzurePodIdentityException,
  Pod,
} from '../../src/model/resources.ts'
import { nmiConfig } from '../../src/nmi/config.ts'
import { createLinkAges } from '../../src/nmi/link/link-ages.ts'
import { createLinkFiles } from '../../src/nmi/link/link-files.ts'
import { createLinkProof } from '../../src/nmi/link/link-proof.ts'
import { createLinkTable } from '../../src/nmi/link/link-table.ts'
import { build } from '../../src/nmi/nmi.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createRegistry } from '../../src/telemetry/registry.ts'
import { createTokenMetrics } from '../../src/telemetry/token-metrics.ts'
import { createTokenBroker } from '../../src/tokens/broker.ts'
import { makeAssigned, makeBinding, makeIdentity, makePod } from '../../test/make/objects.ts'
import { writeNodeFiles } from './node-files.ts'

interface Start {
  readonly imdsPort: number
  readonly pods: number
  /** Without the proof of the caller. */
  readonly addressOnly?: boolean
}

process.on('message', (options: Start) => {
  start(options).catch((thrown: unknown) => {
    console.error(thrown)
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit(0))

async function start({ imdsPort, pods: podCount, addressOnly = false }: Start): Promise<void> {
  const registry = createRegistry()
  const log = createLog({ component: 'bench', verbosity: 0, format: 'json' })
  const imds = createImdsClient({ clock: systemClock, baseUrl: `http://127.0.0.1:${imdsPort}` })
  const broker = createTokenBroker({
    clock: systemClock,
    log,
    metrics: createTokenMetrics(registry),
    imds,
    entra: createEntraClient({ clock: systemClock }),
    rules: { loginOrigin: 'https://login.microsoftonline.com', forceNamespaced: false },
    // The bench asks for many uncached tokens one after the other: the limit itself is not the figure.
    settings: {
      imds: {
        perSecond: 100_000,
        concurrent: 5,
        concurrentPerCaller: 5,
        queuedPerCaller: 64,
        queued: 64,
        queueMs: 20_000,
      },
    },
  })
  await broker.start()
  const objects = stores(podCount)
  const nodeFiles = writeNodeFiles([...objects.pods.values()].flatMap((pod) => pod.addresses))
  process.on('exit', () => nodeFiles.remove())
  const { proc, sys } = nodeFiles
  const files = createLinkFiles()
  const table = createLinkTable({ files, clock: systemClock, proc, sys })
  const ages = createLinkAges({ files, clock: systemClock, sys })
  const proof = createLinkProof({ pods: objects.pods, table, ages, clock: systemClock, log })
  proof.start()
  const nmi = build(nmiConfig({ port: 0 }), {
    stores: objects,
    ...(addressOnly ? {} : { proof }),
    broker,
    imds,
    clock: systemClock,
    log,
    audit: (_lines, done) => done(),
    registry,
  })
  await nmi.start()
  process.send?.({ port: nmi.port })
}

function stores(podCount: number) {
  const pods = new ObjectStore<Pod>()
  const bindings = new ObjectStore<AzureIdentityBinding>()
  const identities = new ObjectStore<AzureIdentity>()
  const assigned = new ObjectStore<AzureAssignedIdentity>()
  const exceptions = new ObjectStore<AzurePodIdentityException>()
  identities.put('default/shop', makeIdentity())
  bindings.put('default/shop-binding', makeBinding())
  for (let index = 0; index < podCount; index += 1) {
    const name = `shop-${index}`
    const address = index === 0 ? '127.0.0.1' : `10.0.${index >> 8}.${index & 255}`
    pods.put(objectKey('default', name), makePod({ name, uid: `uid-${index}`, addresses: [address] }))
    const object = makeAssigned({ pod: name })
    assigned.put(objectKey('default', object.name), object)
  }
  for (const store of [pods, bindings, identities, assigned, exceptions]) store.markSynced()
  return { pods, bindings, identities, assigned, exceptions }
}
