import {
  type BrokenLink,
  firstBrokenLink,
  type IdentitySelector,
  isSelected,
  type Match,
  matchPod,
  namesAnIdentity,
  type PodMatches,
} from '../model/match.ts'
import { objectKey } from '../model/names.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import type { AzureIdentity, Pod } from '../model/resources.ts'
import { assignmentOf } from './assignment.ts'
import type { ClusterView, OperationMode } from './cluster-view.ts'

export interface AuthorizeRules {
  readonly mode: OperationMode
  readonly forceNamespaced: boolean
  readonly requireIdentitySelector: boolean
  /** Lower-case object id of a client id, as far as known. */
  readonly objectIdOf: (clientId: string) => string | undefined
}

export type Decision =
  | {
      readonly kind: 'granted'
      readonly identity: AzureIdentity
      /** More than one identity is bound, the request named none, and this one was taken. */
      readonly chosenAmong?: readonly AzureIdentity[]
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The request names an object id, and those of these identities are not known: a token tells them. */
  | {
      readonly kind: 'unlearnt'
      readonly refusal: Refusal
      readonly identities: readonly AzureIdentity[]
    }
  /** The identity is bound and on its way; `objectExists` tells whether MIC has begun. */
  | { readonly kind: 'pending'; readonly refusal: Refusal; readonly objectExists: boolean }

/**
 * Pod and request -> one AzureIdentity, or the reason why not. Pure; asked on every request and again
 * after every wait, and its answer is never kept.
 *
 * In standard mode both must hold: the chain label -> binding -> identity as it is now, and MIC's object
 * that says the identity is on this node. The chain alone would hand out identities before MIC has
 * agreed; the object alone would outlive a deleted binding.
 */
export function authorize(
  pod: Pod,
  selector: IdentitySelector,
  view: ClusterView,
  rules: AuthorizeRules,
): Decision {
  // Managed mode has no MIC to keep namespaces apart, so they always are.
  const forceNamespaced = rules.forceNamespaced || rules.mode === 'managed'
  const found = matchPod(pod, view, { forceNamespaced })
  if (found.matches.length === 0) return refused(firstBrokenLink(pod, found, view))
  const bound = distinct(found.matches)
  const named = namesAnIdentity(selector)
  const candidates = named ? bound.filter((each) => isSelected(each, selector, rules.objectIdOf)) : bound
  if (candidates.length === 0) return noneNamed(pod, selector, found, { view, rules, bound })
  if (!named && bound.length > 1 && rules.requireIdentitySelector) return refused(nameOne(pod, bound))
  const decision = rules.mode === 'managed' ? firstOf(candidates) : firstAssigned(pod, candidates, view)
  if (decision.kind !== 'granted' || named || bound.length === 1) return decision
  return { ...decision, chosenAmong: bound }
}

/** Several bindings may give the same identity: it counts once, at its first place. */
function distinct(matches: readonly Match[]): readonly AzureIdentity[] {
  const [only] = matches
  if (matches.length === 1 && only !== undefined) return [only.identity]
  return [...new Set(matches.map((match) => match.identity))]
}

function firstOf(candidates: readonly AzureIdentity[]): Decision {
  const [identity] = candidates
  return identity === undefined
    ? refused(refuse('internal-error', 'no candidate'))
    : { kind: 'granted', identity }
}

/** The first that is assigned; else the first that is on its way; else the first failure. */
function firstAssigned(pod: Pod, candidates: readonly AzureIdentity[], view: ClusterView): Decision {
  const objects = view.assignedTo(pod)
  let pending: Decision | undefined
  let failed: Decision | undefined
  for (const identity of candidates) {
    const assignment = assignmentOf(pod, identity, objects)
    if (assignment.kind === 'assigned') return { kind: 'granted', identity }
    if (assignment.kind === 'failed') failed ??= refused(assignment.refusal)
    else pending ??= assignment
  }
  return pending ?? failed ?? refused(refuse('internal-error', 'no candidate'))
}

interface NotBoundContext {
  readonly view: ClusterView
  readonly rules: AuthorizeRules
  readonly bound: readonly AzureIdentity[]
}

/**
 * An object id stands in no AzureIdentity: a token tells it. While none can be had of an identity that is on
 * its way, that identity may be the one which is asked for.
 */
function noneNamed(
  pod: Pod,
  selector: IdentitySelector,
  found: PodMatches,
  context: NotBoundContext,
): Decision {
  const { view, rules, bound } = context
  const refusal = notBound(pod, selector, found, context)
  if (selector.objectId === undefined) return refused(refusal)
  const unknown = bound.filter((each) => rules.objectIdOf(each.clientId.toLowerCase()) === undefined)
  if (unknown.length === 0) return refused(refusal)
  const objects = view.assignedTo(pod)
  const identities = unknown.filter(
    (each) => rules.mode === 'managed' || assignmentOf(pod, each, objects).kind === 'assigned',
  )
  if (identities.length > 0) return { kind: 'unlearnt', refusal, identities }
  return firstAssigned(pod, unknown, view)
}

function notBound(
  pod: Pod,
  selector: IdentitySelector,
  found: PodMatches,
  context: NotBoundContext,
): Refusal {
  const { view, rules, bound } = context
  const broken = found.broken.find((link) => wouldBeSelected(link, selector, view, rules))
  if (broken !== undefined) return broken.refusal
  const asked = selector.clientId ?? selector.resourceId ?? selector.objectId ?? ''
  const misnamed = bound.find(
    (each) => rules.objectIdOf(each.clientId.toLowerCase())?.toLowerCase() === asked.toLowerCase(),
  )
  const hint =
    misnamed === undefined
      ? ''
      : `. That is the object id of ${keyOf(misnamed)}: ask for client_id=${misnamed.clientId} instead`
  return refuse(
    'identity-not-bound',
    `pod ${objectKey(pod.namespace, pod.name)} asks for ${selectorText(selector)}, which is not bound to it; ` +
      `bound are: ${bound.map(describe).join(', ')}${hint}`,
  )
}

/** The identity of a broken link, when it exists and is the one that the request names. */
function wouldBeSelected(
  link: BrokenLink,
  selector: IdentitySelector,
  view: ClusterView,
  rules: AuthorizeRules,
): boolean {
  const identity = view.identity(link.binding.namespace, link.binding.azureIdentity)
  return identity !== undefined && isSelected(identity, selector, rules.objectIdOf)
}

function nameOne(pod: Pod, bound: readonly AzureIdentity[]): Refusal {
  return refuse(
    'identity-ambiguous',
    `several identities are bound to pod ${objectKey(pod.namespace, pod.name)} and the request names none; ` +
      `candidates: ${bound.map(describe).join(', ')}`,
  )
}

function selectorText(selector: IdentitySelector): string {
  if (selector.clientId !== undefined) return `client_id=${shown(selector.clientId)}`
  if (selector.resourceId !== undefined) return `msi_res_id=${shown(selector.resourceId)}`
  return `object_id=${shown(selector.objectId ?? '')}`
}

/** What the pod sent goes into logs: no longer than a resource id needs. */
function shown(text: string): string {
  return text.length <= 256 ? text : `${text.slice(0, 256)}...`
}

function describe(identity: AzureIdentity): string {
  return `${keyOf(identity)} (client_id=${identity.clientId})`
}

function keyOf(identity: AzureIdentity): string {
  return objectKey(identity.namespace, identity.name)
}

function refused(refusal: Refusal): Decision {
  return { kind: 'refused', refusal }
}
