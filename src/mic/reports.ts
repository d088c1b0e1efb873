import type { EventTarget } from '../kube/event-draft.ts'
import type { AssignmentStatus } from '../model/assigned.ts'
import { objectKey } from '../model/names.ts'
import { type Refusal, refusalSpec } from '../model/refusal.ts'
import type { RefusalCode } from '../model/refusal-codes.ts'
import type { AzureAssignedIdentity, AzureIdentityBinding } from '../model/resources.ts'
import type { Log } from '../telemetry/log.ts'
import type { MicMetrics } from '../telemetry/mic-metrics.ts'
import type { DesiredAssignment } from './desired.ts'
import { BINDING_EVENTS, type EventSink } from './events.ts'

export interface ReportsDeps {
  readonly events: EventSink
  readonly metrics: MicMetrics
  readonly log: Log
}

/** Removal failures that were told already; more than this many at once are told again. */
const MOST_REMEMBERED = 10_000

/** Tells people what became of assignments: Events on the binding as before, on the pod, and a log line. */
export class Reports {
  readonly #deps: ReportsDeps
  readonly #removalFailures = new Map<string, string>()

  constructor(deps: ReportsDeps) {
    this.#deps = deps
  }

  /** `waited`: the pod had to wait for Azure, so it is told on the pod too. */
  assigned(desired: DesiredAssignment, waited: boolean): void {
    const { events } = this.#deps
    const what = `AzureIdentity ${objectKey(desired.identity.namespace, desired.identity.name)}`
    events.emit(
      bindingTarget(desired.binding),
      'Normal',
      BINDING_EVENTS.applied,
      `${what} assigned to node ${desired.nodeName} for pod ${objectKey(desired.podNamespace, desired.pod)}`,
    )
    if (waited) {
      events.emit(podTarget(desired), 'Normal', 'IdentityAssigned', `${what} is on node ${desired.nodeName}`)
    }
    this.#deps.log.info(fieldsOf(desired), 'identity assigned')
  }

  assignmentFailed(desired: DesiredAssignment, status: AssignmentStatus): void {
    const code = status.reason as RefusalCode
    const { events, metrics, log } = this.#deps
    metrics.assignmentFailed(code)
    events.emit(bindingTarget(desired.binding), 'Warning', BINDING_EVENTS.applyError, status.message)
    events.emit(podTarget(desired), 'Warning', refusalSpec(code).eventReason, status.message)
    log.warn({ ...fieldsOf(desired), reason: code, refusal: status.message }, 'identity not assigned')
  }

  removed(object: AzureAssignedIdentity): void {
    this.#removalFailures.delete(objectKey(object.namespace, object.name))
    const pod = objectKey(object.podNamespace, object.pod)
    this.#deps.events.emit(
      bindingTarget(object.binding),
      'Normal',
      BINDING_EVENTS.removed,
      `AzureIdentity ${objectKey(object.identity.namespace, object.identity.name)} removed from node ${object.nodeName} for pod ${pod}`,
    )
    this.#deps.log.info({ pod, node: object.nodeName, object: object.name }, 'assignment removed')
  }

  /** Told once for each object and text. */
  removalFailed(object: AzureAssignedIdentity, refusal: Refusal): void {
    const key = objectKey(object.namespace, object.name)
    if (this.#removalFailures.get(key) === refusal.message) return
    if (this.#removalFailures.size >= MOST_REMEMBERED) this.#removalFailures.clear()
    this.#removalFailures.set(key, refusal.message)
    this.#deps.metrics.assignmentFailed(refusal.code)
    this.#deps.events.emit(
      bindingTarget(object.binding),
      'Warning',
      BINDING_EVENTS.removeError,
      refusal.message,
    )
    this.#deps.log.warn({ object: key, refusal: refusal.message }, 'identity not removed')
  }
}

function bindingTarget({ namespace, name, uid }: AzureIdentityBinding): EventTarget {
  return { kind: 'AzureIdentityBinding', namespace, name, uid }
}

function podTarget(desired: DesiredAssignment): EventTarget {
  return { kind: 'Pod', namespace: desired.podNamespace, name: desired.pod, uid: desired.podUid }
}

function fieldsOf(desired: DesiredAssignment): Record<string, unknown> {
  return {
    pod: objectKey(desired.podNamespace, desired.pod),
    node: desired.nodeName,
    identity: objectKey(desired.identity.namespace, desired.identity.name),
  }
}
