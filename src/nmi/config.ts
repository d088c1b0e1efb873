import type { OperationMode } from './cluster-view.ts'

/** Bounds of the HTTP door. Sizes in bytes, times in milliseconds. */
export interface ServerLimits {
  readonly maxHeaderBytes: number
  /** All headers of one request must have arrived by then. */
  readonly headersTimeoutMs: number
  /** The whole request must have arrived by then. */
  readonly requestTimeoutMs: number
  /** How often the two time-outs above are checked. */
  readonly checkIntervalMs: number
  readonly keepAliveTimeoutMs: number
  /** A socket on which nothing moves for so long is closed; longer than any held request. */
  readonly idleTimeoutMs: number
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxRequestsPerConnection: number
  /** Pipelined requests that are not answered yet on one connection. */
  readonly maxPipelined: number
  /** Requests of one address that wait for something (assignment, upstream) at the same time. */
  readonly maxWaitingPerAddress: number
  readonly maxWaiting: number
  /** How long a stopping server lets requests finish. */
  readonly drainMs: number
}

/** How long a request may be held. All in milliseconds. */
export interface HoldLimits {
  /** The longest hold for an identity that is on its way: below the one minute after which a try ends in Go, and the call in Java. */
  readonly assignmentMs: number
  /** The longest that one request may take with all its waits: below a minute, too. */
  readonly requestMs: number
  /** The same two for a client that neither gives up nor asks again (patience.ts). */
  readonly patientAssignmentMs: number
  readonly patientRequestMs: number
  /** `--find-identity-retry-interval` times `--retry-attempts-for-created`: while no object exists. */
  readonly createdMs: number
  /** The same with `--retry-attempts-for-assigned` added: once an object exists. */
  readonly assignedMs: number
  /** A labelled pod younger than this may be ahead of its binding. */
  readonly youngPodMs: number
  /** How long a young pod waits for a missing binding or identity. */
  readonly youngPodGraceMs: number
  /** How long an unknown or ambiguous address waits for a watch event. */
  readonly callerMs: number
}

export interface NmiConfig {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** The next agent of the node may listen there before this one ends. */
  readonly shared: boolean
  /** Path of a Unix socket that serves the host door, too; empty: none. */
  readonly hostDoorSocket: string
  readonly mode: OperationMode
  readonly forceNamespaced: boolean
  readonly micNamespace: string
  readonly metadataHeaderRequired: boolean
  readonly blockInstanceMetadata: boolean
  /** Several identities and none named: refuse, instead of taking the first. */
  readonly requireIdentitySelector: boolean
  readonly legacyStatusCodes: boolean
  /** `--set-retry-after-header`: with the old status codes, 503 and `Retry-After: 20` instead of 404. */
  readonly setRetryAfterHeader: boolean
  readonly limits: ServerLimits
  readonly hold: HoldLimits
}

const DEFAULT_LIMITS: ServerLimits = {
  maxHeaderBytes: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  checkIntervalMs: 2_000,
  keepAliveTimeoutMs: 60_000,
  idleTimeoutMs: 120_000,
  maxConnections: 4096,
  maxConnectionsPerAddress: 256,
  maxRequestsPerConnection: 10_000,
  maxPipelined: 16,
  maxWaitingPerAddress: 64,
  maxWaiting: 1024,
  drainMs: 20_000,
}

/** An idle socket outlives the longest held request by this, milliseconds. */
const IDLE_SLACK_MS = 30_000

/** The old flags' names, for the hold that they gave. */
export interface OldRetryFlags {
  readonly retryAttemptsForCreated: number
  readonly retryAttemptsForAssigned: number
  readonly findIdentityRetryIntervalSeconds: number
}

const DEFAULT_RETRY_FLAGS: OldRetryFlags = {
  retryAttemptsForCreated: 16,
  retryAttemptsForAssigned: 4,
  findIdentityRetryIntervalSeconds: 5,
}

/** Time for the token after the longest hold, milliseconds. */
const TOKEN_MS = 10_000

/**
 * A patient client is held this many times as long as the old flags say: their product was meant for one
 * operation on the scale set, and the one that is running has to end first.
 */
export const PATIENCE = 2

/** Hold limits from the old flags, which counted polls: the product is kept, the polling is not. */
export function holdLimits(flags: OldRetryFlags, assignmentMs = 45_000): HoldLimits {
  const intervalMs = flags.findIdentityRetryIntervalSeconds * 1000
  const assignedMs = (flags.retryAttemptsForCreated + flags.retryAttemptsForAssigned) * intervalMs
  const patientAssignmentMs = Math.max(assignmentMs, PATIENCE * assignedMs)
  return {
    assignmentMs,
    requestMs: assignmentMs + TOKEN_MS,
    patientAssignmentMs,
    patientRequestMs: patientAssignmentMs + TOKEN_MS,
    createdMs: flags.retryAttemptsForCreated * intervalMs,
    assignedMs,
    youngPodMs: 60_000,
    youngPodGraceMs: 3_000,
    // A busy kubelet tells of an address seconds after the pod's first program runs.
    callerMs: 5_000,
  }
}

/** The defaults of the flags, which are those of AAD Pod Identity's NMI (test/conformance/rows), changed by what is given. */
export function nmiConfig(
  fields: Partial<Omit<NmiConfig, 'limits'>> & { limits?: Partial<ServerLimits> } = {},
): NmiConfig {
  const hold = fields.hold ?? holdLimits(DEFAULT_RETRY_FLAGS)
  const limits = { ...DEFAULT_LIMITS, ...fields.limits }
  const longestMs = Math.max(hold.requestMs, hold.patientRequestMs)
  return {
    host: '127.0.0.1',
    port: 2579,
    shared: false,
    hostDoorSocket: '',
    mode: 'standard',
    forceNamespaced: false,
    micNamespace: 'default',
    metadataHeaderRequired: true,
    blockInstanceMetadata: false,
    requireIdentitySelector: false,
    legacyStatusCodes: false,
    setRetryAfterHeader: false,
    ...fields,
    hold,
    // A held request is silent on its socket: it must not count as idle.
    limits: { ...limits, idleTimeoutMs: Math.max(limits.idleTimeoutMs, longestMs + IDLE_SLACK_MS) },
  }
}
