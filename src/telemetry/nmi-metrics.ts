import { Counter, Gauge, Histogram } from 'prom-client'
import { boundedLabel } from './bounded-label.ts'
import type { Registry } from './registry.ts'

/** One answered request. */
interface AnsweredRequest {
  /** Canonical path from a fixed list, never what the client sent. */
  readonly operation: string
  readonly status: number
  /** Namespace of the pod, empty when it is not known. */
  readonly namespace: string
  readonly resource: string
  readonly seconds: number
}

/** Everything that NMI's request path counts; each member is one event. */
export interface NmiMetrics {
  readonly answered: (request: AnsweredRequest) => void
  readonly refused: (code: string, blame: string) => void
  /** A request without `Metadata: true`: an SDK looking whether IMDS is there. Not a refusal. */
  readonly probed: () => void
  readonly tokenServed: (cached: boolean) => void
  readonly exceptionUsed: (namespace: string) => void
  readonly waited: (outcome: 'granted' | 'refused' | 'gone', seconds: number) => void
  readonly connectionRefused: () => void
  readonly connectionJudged: (verdict: string) => void
  readonly auditDropped: () => void
}

/** What is read when it is scraped. */
export interface NmiGauges {
  readonly connections: () => number
  readonly waiting: () => number
  readonly inFlight: () => number
}

/** Buckets of AAD Pod Identity, with finer ones below its first: cached answers take microseconds. */
const OPERATION_SECONDS = [0.001, 0.01, 0.1, 0.5, 1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
const WAIT_SECONDS = [0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 120]

/** Different values of a label that clients or users choose; the next ones count as `other`. */
const MAX_LABEL_VALUES = 100

/** Metrics of the node agent: the old name and labels (test/conformance/rows), and podid's own. */
export function createNmiMetrics(registry: Registry, gauges: NmiGauges): NmiMetrics {
  const registers = [registry]
  const operations = new Histogram({
    name: 'aadpodidentity_nmi_operations_duration_seconds',
    help: 'Time from the arrival of a request to its answer.',
    labelNames: ['operation_type', 'status_code', 'namespace', 'resource'],
    buckets: OPERATION_SECONDS,
    registers,
  })
  const refusals = new Counter({
    name: 'podid_nmi_refusals_total',
    help: 'Refused requests by code (docs/errors.md) and by who can mend it.',
    labelNames: ['code', 'blame'],
    registers,
  })
  const probes = new Counter({
    name: 'podid_nmi_probes_total',
    help: 'Requests without the metadata header: SDKs looking for IMDS.',
    registers,
  })
  const tokens = new Counter({
    name: 'podid_nmi_tokens_total',
    help: 'Tokens handed to pods, by whether the cache had them.',
    labelNames: ['cache'],
    registers,
  })
  const exceptions = new Counter({
    name: 'podid_nmi_exceptions_total',
    help: "Requests of excepted pods and of MIC, answered with the node's own identity or passed on.",
    labelNames: ['namespace'],
    registers,
  })
  const waits = new Histogram({
    name: 'podid_nmi_wait_duration_seconds',
    help: 'Time that a request was held because its answer was not in the cache, by how it ended.',
    labelNames: ['outcome'],
    buckets: WAIT_SECONDS,
    registers,
  })
  const refusedConnections = new Counter({
    name: 'podid_nmi_connections_refused_total',
    help: 'Connections closed because of a limit.',
    registers,
  })
  const verdicts = new Counter({
    name: 'podid_nmi_caller_proofs_total',
    help: 'Connections from addresses of known pods, by whether the network of the node shows that the pod has the address: proven, disproven, unheard, unknown.',
    labelNames: ['verdict'],
    registers,
  })
  const dropped = new Counter({
    name: 'podid_nmi_audit_dropped_total',
    help: 'Audit lines lost because the log could not be written fast enough.',
    registers,
  })
  gauge(registry, 'podid_nmi_connections', 'Open connections.', gauges.connections)
  gauge(registry, 'podid_nmi_waiting_requests', 'Requests that are being held.', gauges.waiting)
  gauge(registry, 'podid_nmi_in_flight_requests', 'Requests that are not answered yet.', gauges.inFlight)
  const namespaceLabel = boundedLabel(MAX_LABEL_VALUES)
  const resourceLabel = boundedLabel(MAX_LABEL_VALUES)
  return {
    answered: ({ operation, status, namespace, resource, seconds }) => {
      operations.observe(
        {
          operation_type: operation,
          status_code: String(status),
          namespace: namespaceLabel(namespace, true),
          // Only what was granted may make a new label value: a refused resource is any text a pod sends.
          resource: resourceLabel(resource, status === 200),
        },
        seconds,
      )
    },
    refused: (code, blame) => refusals.inc({ code, blame }),
    probed: () => probes.inc(),
    tokenServed: (cached) => tokens.inc({ cache: cached ? 'hit' : 'miss' }),
    exceptionUsed: (namespace) => exceptions.inc({ namespace: namespaceLabel(namespace, true) }),
    waited: (outcome, seconds) => waits.observe({ outcome }, seconds),
    connectionRefused: () => refusedConnections.inc(),
    connectionJudged: (verdict) => verdicts.inc({ verdict }),
    auditDropped: () => dropped.inc(),
  }
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read())
    },
  })
}
