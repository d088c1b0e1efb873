import { Counter, Gauge, Histogram } from 'prom-client'
import type { Clock } from '../base/clock.ts'
import type { Registry } from './registry.ts'

/** Buckets of AAD Pod Identity for everything that waits on Azure, seconds. */
const CLOUD_BUCKETS = [0.5, 1, 5, 10, 30, 60, 120, 300, 600, 900, 1200]

/** `operation_type` of ARM calls. The first four are the old names. */
export type ArmOperation =
  | 'vmss_get'
  | 'vmss_update'
  | 'vm_get'
  | 'vm_update'
  | 'identity_get'
  | 'operation_poll'

/** `operation_type` of failed Kubernetes writes. */
export type KubeOperation =
  | 'assigned_identity_addition'
  | 'assigned_identity_deletion'
  | 'assigned_identity_update'
  | 'update_azure_assigned_identity_status'
  | 'ownership_record_update'

/** Objects whose way from creation to `Assigned` is being timed; a bound against objects that never get there. */
const MOST_TIMED = 20_000

export interface MicMetrics {
  /** An AzureAssignedIdentity was created; starts its clock. `key` is `namespace/name`, `now` monotonic ms. */
  objectCreated(key: string, now: number): void
  /** Its identity is on the node. */
  objectAssigned(key: string, now: number): void
  /** It is gone from the API server. */
  objectRemoved(key: string): void
  /** Times the removal from the first write to the last. */
  removalTook(ms: number): void
  timeUpdate<T>(clock: Clock, work: () => Promise<T>): Promise<T>
  /** One pass of work over one VM or scale set. */
  cycleDone(ms: number): void
  becameLeader(): void
  /** One HTTP exchange with ARM, each retry for itself. `status` 0: no answer. */
  armCall(operation: ArmOperation, status: number, ms: number): void
  /** `x-ms-ratelimit-remaining-...` of the last answer. */
  armRemaining(limit: string, remaining: number): void
  armBudget(remaining: number): void
  kubeWriteFailed(operation: KubeOperation): void
  /** Failed assignments and removals by refusal code. */
  assignmentFailed(reason: string): void
  /** Work that waits, by lane. */
  watchQueues(read: () => { pods: number; groups: number }): void
}

export function createMicMetrics(registry: Registry): MicMetrics {
  const registers = [registry]
  const histogram = (name: string, help: string, labelNames: string[] = []): Histogram =>
    new Histogram({ name: `aadpodidentity_${name}`, help, labelNames, buckets: CLOUD_BUCKETS, registers })
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name: `aadpodidentity_${name}`, help, labelNames, registers })
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name: `podid_${name}`, help, labelNames, registers })

  const additionSeconds = histogram(
    'assigned_identity_addition_duration_seconds',
    'From the creation of an AzureAssignedIdentity to Assigned',
  )
  const deletionSeconds = histogram(
    'assigned_identity_deletion_duration_seconds',
    'From the deletion of an AzureAssignedIdentity to its end',
  )
  const updateSeconds = histogram(
    'assigned_identity_update_duration_seconds',
    'Replacement of an AzureAssignedIdentity',
  )
  const additions = counter('assigned_identity_addition_count', 'AzureAssignedIdentity objects created')
  const deletions = counter('assigned_identity_deletion_count', 'AzureAssignedIdentity objects removed')
  const updates = counter('assigned_identity_update_count', 'AzureAssignedIdentity objects replaced')
  const cycleSeconds = histogram('mic_cycle_duration_seconds', 'One pass over one VM or scale set')
  const cycles = counter('mic_cycle_count', 'Passes over VMs and scale sets')
  const elections = counter('mic_new_leader_election_count', 'Times this MIC became the leader')
  const armSeconds = histogram('cloud_provider_operations_duration_seconds', 'Calls of ARM', [
    'operation_type',
  ])
  const armErrors = counter('cloud_provider_operations_errors_count', 'Failed calls of ARM', [
    'operation_type',
    'status_code',
  ])
  const kubeErrors = counter('kubernetes_api_operations_errors_count', 'Failed writes to Kubernetes', [
    'operation_type',
  ])
  const remaining = gauge('arm_ratelimit_remaining', 'Calls that ARM still allows, as its last answer said', [
    'limit',
  ])
  const budget = gauge('arm_budget_remaining', 'Calls of ARM left in the budget of --arm-calls-per-hour')
  const failures = new Counter({
    name: 'podid_assignment_failures_total',
    help: 'Assignments and removals that Azure refused, by refusal code',
    labelNames: ['reason'],
    registers,
  })
  const started = new Map<string, number>()

  return {
    objectCreated(key, now) {
      additions.inc()
      if (started.size < MOST_TIMED) started.set(key, now)
    },
    objectAssigned(key, now) {
      const since = started.get(key)
      if (since === undefined) return
      started.delete(key)
      additionSeconds.observe((now - since) / 1000)
    },
    objectRemoved(key) {
      started.delete(key)
      deletions.inc()
    },
    removalTook: (ms) => deletionSeconds.observe(ms / 1000),
    async timeUpdate(clock, work) {
      const since = clock.monotonic()
      const result = await work()
      updates.inc()
      updateSeconds.observe((clock.monotonic() - since) / 1000)
      return result
    },
    cycleDone(ms) {
      cycles.inc()
      cycleSeconds.observe(ms / 1000)
    },
    becameLeader: () => elections.inc(),
    armCall(operation, status, ms) {
      armSeconds.observe({ operation_type: operation }, ms / 1000)
      if (status === 0 || status >= 400) armErrors.inc({ operation_type: operation, status_code: status })
    },
    armRemaining: (limit, value) => remaining.set({ limit }, value),
    armBudget: (value) => budget.set(value),
    kubeWriteFailed: (operation) => kubeErrors.inc({ operation_type: operation }),
    assignmentFailed: (reason) => failures.inc({ reason }),
    watchQueues(read) {
      const size = new Gauge({
        name: 'podid_mic_queue_size',
        help: 'Keys that wait, run or are due later, by lane',
        labelNames: ['lane'],
        registers,
        collect() {
          const { pods, groups } = read()
          this.set({ lane: 'pods' }, pods)
          this.set({ lane: 'groups' }, groups)
        },
      })
      void size
    },
  }
}
