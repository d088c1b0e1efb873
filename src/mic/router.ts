import type { Change, Store } from '../kube/store.ts'
import { assignableId } from '../model/assigned.ts'
import { type MatchRules, matchPod } from '../model/match.ts'
import { BINDING_LABEL, objectKey } from '../model/names.ts'
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  Node,
  Pod,
} from '../model/resources.ts'
import type { ChainReports } from './chain-reports.ts'
import { asksForIdentity, type DesiredAssignment, desiredAssignments } from './desired.ts'
import type { ObjectView } from './object-view.ts'
import type { Wanted } from './wanted.ts'
import { podKeyOf, type World } from './world.ts'

export interface RouterDeps {
  readonly world: World
  readonly rules: MatchRules
  readonly wanted: Wanted
  readonly view: ObjectView
  readonly chainReports: ChainReports
  /** Nothing is wanted any more: `podid mic --drain`. */
  readonly draining: boolean
  /** The pod's objects must be looked at. */
  readonly podChanged: (podKey: string) => void
  /** What is wanted of the VM or scale set changed. */
  readonly groupChanged: (groupId: string) => void
  /** The identity with this canonical id was changed in Kubernetes, and names this client id. */
  readonly identityChanged: (armId: string, clientId: string) => void
}

/**
 * Turns watch events into keys: for each event exactly the pods that it can concern are computed anew,
 * found through indexes. Doubled or missed events change nothing, since a pod's state is always computed whole.
 */
export class Router {
  readonly #deps: RouterDeps

  constructor(deps: RouterDeps) {
    this.#deps = deps
  }

  /** Subscribes to all stores; returns what ends the subscriptions. */
  connect(): () => void {
    const { pods, nodes, identities, bindings, assigned } = this.#deps.world.stores
    const ends = [
      on(pods, (change) => this.#podEvent(change)),
      on(nodes, (change) => this.#nodeEvent(change)),
      on(identities, (change) => this.#identityEvent(change)),
      on(bindings, (change) => this.#bindingEvent(change)),
      on(assigned, (change) => this.#assignedEvent(change)),
    ]
    return () => {
      for (const end of ends) end()
    }
  }

  /** Everything anew: at the start of a leadership and every `--syncRetryDuration`. */
  resync(): void {
    const { pods, assigned } = this.#deps.world.stores
    for (const pod of pods.values()) this.#recompute(objectKey(pod.namespace, pod.name), pod)
    for (const podKey of this.#deps.wanted.pods()) {
      if (pods.get(podKey) === undefined) this.#recompute(podKey, undefined)
    }
    for (const object of assigned.values()) this.#deps.podChanged(podKeyOf(object))
  }

  #podEvent({ key, before, after }: Change<Pod>): void {
    if (isUnlabelled(before) && isUnlabelled(after)) return
    this.#recompute(key, after)
  }

  #nodeEvent({ key, before, after }: Change<Node>): void {
    if (before !== undefined && after !== undefined && before.providerId === after.providerId) return
    this.#recomputeAll(this.#deps.world.podsOnNode(key))
    for (const object of this.#deps.world.assignedOn(key)) this.#deps.podChanged(podKeyOf(object))
  }

  #identityEvent({ key, before, after }: Change<AzureIdentity>): void {
    const armId = after === undefined ? undefined : assignableId(after)
    if (armId !== undefined && after !== undefined && before !== undefined)
      this.#deps.identityChanged(armId, after.clientId)
    const bindings = [...this.#deps.world.bindingsOf(key)]
    for (const selector of new Set(bindings.map((binding) => binding.selector))) {
      this.#recomputeAll(this.#deps.world.podsWithSelector(selector))
    }
  }

  #bindingEvent({ before, after }: Change<AzureIdentityBinding>): void {
    const selectors = new Set([before?.selector ?? '', after?.selector ?? ''])
    for (const selector of selectors) this.#recomputeAll(this.#deps.world.podsWithSelector(selector))
  }

  #assignedEvent(change: Change<AzureAssignedIdentity>): void {
    this.#deps.view.observe(change)
    const podKeys = new Set<string>()
    if (change.before !== undefined) podKeys.add(podKeyOf(change.before))
    if (change.after !== undefined) podKeys.add(podKeyOf(change.after))
    for (const podKey of podKeys) this.#deps.podChanged(podKey)
  }

  #recomputeAll(pods: Iterable<Pod>): void {
    for (const pod of pods) this.#recompute(objectKey(pod.namespace, pod.name), pod)
  }

  #recompute(podKey: string, pod: Pod | undefined): void {
    const { wanted, groupChanged, podChanged } = this.#deps
    const desired = this.#desiredOf(podKey, pod)
    for (const groupId of wanted.set(podKey, desired)) groupChanged(groupId)
    podChanged(podKey)
  }

  #desiredOf(podKey: string, pod: Pod | undefined): readonly DesiredAssignment[] {
    const { world, rules, chainReports, draining } = this.#deps
    if (pod === undefined || draining || !asksForIdentity(pod)) {
      chainReports.forget(podKey)
      return []
    }
    const { matches, broken } = matchPod(pod, world.bindings, rules)
    chainReports.note(podKey, pod.hostNetwork || matches.length === 0 || broken.length > 0)
    return desiredAssignments(pod, matches, world.placement(pod.nodeName), rules)
  }
}

function on<T>(store: Store<T>, listener: (change: Change<T>) => void): () => void {
  return store.subscribe(listener)
}

function isUnlabelled(pod: Pod | undefined): boolean {
  return pod === undefined || (pod.labels[BINDING_LABEL] ?? '') === ''
}
