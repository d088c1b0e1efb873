import type { Clock, Timer } from '../base/clock.ts'
import { firstBrokenLink, type MatchRules, matchPod } from '../model/match.ts'
import { BINDING_LABEL, objectKey } from '../model/names.ts'
import { type Refusal, refusalSpec, refusalText, refuse } from '../model/refusal.ts'
import { isLive, type Pod } from '../model/resources.ts'
import type { EventSink } from './events.ts'
import type { World } from './world.ts'

export interface ChainReportsDeps {
  readonly world: World
  readonly rules: MatchRules
  readonly events: EventSink
  readonly clock: Clock
}

/** A chart creates pod, binding and identity in one go: a chain that is whole after this long is no news. Milliseconds. */
const GRACE_MS = 3_000

/**
 * Events on pods that ask for an identity and get none (or not all): no binding, no AzureIdentity, a
 * namespace rule, a field that cannot be used, the host network. One Event for each pod and text.
 */
export class ChainReports {
  readonly #deps: ChainReportsDeps
  readonly #due = new Map<string, Timer>()
  readonly #told = new Map<string, string>()

  constructor(deps: ChainReportsDeps) {
    this.#deps = deps
  }

  /** Pods that something is remembered about. */
  get size(): number {
    return new Set([...this.#due.keys(), ...this.#told.keys()]).size
  }

  /** The pod or something in its chain changed. Cheap: it is judged after the grace time. */
  note(podKey: string, isBroken: boolean): void {
    if (!isBroken) {
      this.forget(podKey)
      return
    }
    if (this.#due.has(podKey)) return
    this.#due.set(
      podKey,
      this.#deps.clock.after(GRACE_MS, () => this.#judge(podKey)),
    )
  }

  forget(podKey: string): void {
    this.#due.get(podKey)?.cancel()
    this.#due.delete(podKey)
    this.#told.delete(podKey)
  }

  close(): void {
    for (const timer of this.#due.values()) timer.cancel()
    this.#due.clear()
    this.#told.clear()
  }

  #judge(podKey: string): void {
    this.#due.delete(podKey)
    const pod = this.#deps.world.stores.pods.get(podKey)
    if (pod === undefined || !isLive(pod)) return
    const refusals = brokenLinksOf(pod, this.#deps.world, this.#deps.rules)
    const text = refusals.map((refusal) => refusal.message).join('\n')
    if (this.#told.get(podKey) === text) return
    this.#told.set(podKey, text)
    const target = { kind: 'Pod', namespace: pod.namespace, name: pod.name, uid: pod.uid } as const
    for (const refusal of refusals) {
      this.#deps.events.emit(target, 'Warning', refusalSpec(refusal.code).eventReason, refusalText(refusal))
    }
  }
}

/** Everything about the pod's chain that a person should mend; empty when all is well. */
function brokenLinksOf(pod: Pod, world: World, rules: MatchRules): readonly Refusal[] {
  if ((pod.labels[BINDING_LABEL] ?? '') === '') return []
  const refusals: Refusal[] = []
  if (pod.hostNetwork) refusals.push(hostNetwork(pod))
  const found = matchPod(pod, world.bindings, rules)
  if (found.matches.length === 0) return [...refusals, firstBrokenLink(pod, found, world.bindings)]
  for (const { refusal } of found.broken) {
    // Beside a match, a binding of another namespace with the same selector is somebody else's.
    if (refusal.code !== 'namespace-mismatch') refusals.push(refusal)
  }
  return refusals
}

function hostNetwork(pod: Pod): Refusal {
  return refuse(
    'pod-unknown',
    `pod ${objectKey(pod.namespace, pod.name)} has label ${BINDING_LABEL} and uses the host network, ` +
      'where the node agent cannot tell it from the node',
  )
}
