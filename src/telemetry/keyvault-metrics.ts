import { Counter, Gauge, Histogram } from 'prom-client'
import { MOUNT_FAILURES, type MountFailureCode } from '../model/mount-failures.ts'
import { boundedLabel } from './bounded-label.ts'
import type { Registry } from './registry.ts'

/** `object_type`, as classes spell it. */
type ObjectType = 'secret' | 'key' | 'cert'

/** Where a value came from: the vault, a read for another pod that was under way, memory, the last known good. */
export type ReadSource = 'vault' | 'shared' | 'cache' | 'last_known_good'

/** How a mount ended; `cancelled` is a driver that no longer waited. */
export type MountOutcome = 'ok' | 'cancelled' | MountFailureCode

export interface KeyVaultMetrics {
  /** One exchange with a vault, also for a list of versions. `error` is a code of a closed list, empty when it went well. */
  vaultRequest(request: {
    readonly objectType: ObjectType
    readonly objectName: string
    readonly error: string
    readonly seconds: number
  }): void
  /** One answered call on the socket: full method, gRPC code as Go spells it, failure code or empty. */
  grpcRequest(request: {
    readonly method: string
    readonly code: string
    readonly error: string
    readonly seconds: number
  }): void
  mountEnded(outcome: MountOutcome, seconds: number): void
  /** One object or list of versions given to a mount. */
  objectRead(source: ReadSource, objectType: ObjectType): void
  /** An object that is marked optional was left out of a volume. */
  objectLeftOut(): void
  /** Read at each scrape: requests that wait for their turn at a vault. */
  watchQueue(queued: () => number): void
  /** Read at each scrape: bytes of values in memory. */
  watchCache(bytes: () => number): void
  /** Read at each scrape: mounts under way. */
  watchMounts(underWay: () => number): void
  /** Read at each scrape: whether podid serves the socket. */
  watchSocket(serving: () => boolean): void
}

/** Buckets of the Azure Key Vault provider 1.8, seconds. */
const OLD_BUCKETS = [0.1, 0.2, 0.3, 0.4, 0.5, 1, 1.5, 2, 2.5, 3, 5, 10, 15, 30]

/** Finer ones below, for mounts that are served from memory, and up to the two minutes that kubelet waits. */
const MOUNT_BUCKETS = [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120]

/** Labels that every metric of the old provider carried. */
const OLD_LABELS = { provider: 'azure', os_type: 'linux', service_name: 'csi-secrets-store-provider-azure' }
const OLD_LABEL_NAMES = ['provider', 'os_type', 'service_name']

/** Names of objects are chosen by users. */
const MAX_OBJECT_NAMES = 200
const MAX_CODES = 50

/** Metrics of the Key Vault provider: the two old names, with codes where the old ones had texts, and podid's own. */
export function createKeyVaultMetrics(registry: Registry): KeyVaultMetrics {
  return { ...oldMetrics(registry), ...mountMetrics(registry), ...gauges(registry) }
}

function oldMetrics(registry: Registry): Pick<KeyVaultMetrics, 'vaultRequest' | 'grpcRequest'> {
  const registers = [registry]
  const vault = new Histogram({
    name: 'keyvault_request',
    help: 'Seconds that requests to Key Vault took.',
    labelNames: [...OLD_LABEL_NAMES, 'object_type', 'object_name', 'error'],
    buckets: OLD_BUCKETS,
    registers,
  })
  const grpc = new Histogram({
    name: 'grpc_request',
    help: 'Seconds that calls of the CSI driver took.',
    labelNames: [...OLD_LABEL_NAMES, 'grpc_method', 'grpc_code', 'grpc_message'],
    buckets: OLD_BUCKETS,
    registers,
  })
  const nameLabel = boundedLabel(MAX_OBJECT_NAMES)
  const codeLabel = boundedLabel(MAX_CODES)
  return {
    vaultRequest({ objectType, objectName, error, seconds }) {
      const object_name = nameLabel(objectName, true)
      vault.observe(
        { ...OLD_LABELS, object_type: objectType, object_name, error: codeLabel(error, true) },
        seconds,
      )
    },
    grpcRequest({ method, code, error, seconds }) {
      const grpc_message = codeLabel(error, true)
      grpc.observe({ ...OLD_LABELS, grpc_method: method, grpc_code: code, grpc_message }, seconds)
    },
  }
}

function mountMetrics(
  registry: Registry,
): Pick<KeyVaultMetrics, 'mountEnded' | 'objectRead' | 'objectLeftOut'> {
  const registers = [registry]
  const mounts = new Counter({
    name: 'podid_keyvault_mounts_total',
    help: 'Mounts by outcome: ok, cancelled (the driver no longer waited), or the code of the failure (docs/errors.md).',
    labelNames: ['outcome'],
    registers,
  })
  const duration = new Histogram({
    name: 'podid_keyvault_mount_duration_seconds',
    help: 'Time from the arrival of a mount to its answer.',
    buckets: MOUNT_BUCKETS,
    registers,
  })
  const reads = new Counter({
    name: 'podid_keyvault_reads_total',
    help: 'Objects and lists of versions given to mounts by source: vault, shared (a read for another pod was under way), cache, last_known_good (the vault is down).',
    labelNames: ['source', 'object_type'],
    registers,
  })
  const leftOut = new Counter({
    name: 'podid_keyvault_objects_left_out_total',
    help: 'Objects marked optional that the vault did not have, so that the volume is without them.',
    registers,
  })
  // From the start, so that a rate can be formed.
  for (const outcome of ['ok', ...Object.keys(MOUNT_FAILURES)]) mounts.inc({ outcome }, 0)
  return {
    mountEnded(outcome, seconds) {
      mounts.inc({ outcome })
      duration.observe(seconds)
    },
    objectRead: (source, objectType) => reads.inc({ source, object_type: objectType }),
    objectLeftOut: () => leftOut.inc(),
  }
}

type Gauges = Pick<KeyVaultMetrics, 'watchQueue' | 'watchCache' | 'watchMounts' | 'watchSocket'>

function gauges(registry: Registry): Gauges {
  const gauge =
    (name: string, help: string) =>
    (read: () => number): void => {
      new Gauge({
        name: `podid_keyvault_${name}`,
        help,
        registers: [registry],
        collect() {
          this.set(read())
        },
      })
    }
  const socket = gauge(
    'socket_serving',
    '1 while podid serves the socket of the CSI driver, 0 while it waits for it.',
  )
  return {
    watchQueue: gauge('vault_requests_queued', 'Requests to Key Vault that wait for their turn.'),
    watchCache: gauge('cache_bytes', 'Size of the values that are kept in memory.'),
    watchMounts: gauge('mounts_in_flight', 'Mounts that are not answered yet.'),
    watchSocket: (serving) => socket(() => (serving() ? 1 : 0)),
  }
}
