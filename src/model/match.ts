import { BINDING_LABEL, objectKey } from './names.ts'
import { nearMatch } from './near-match.ts'
import { type Refusal, refuse } from './refusal.ts'
import { parseManagedIdentityId } from './resource-id.ts'
import type { AzureIdentity, AzureIdentityBinding, Pod } from './resources.ts'

/** What the rule needs to look up; the stores' indexes answer each in constant time. */
export interface BindingLookup {
  bindingsBySelector(selector: string): Iterable<AzureIdentityBinding>
  /** Every selector in use, for the near match of a refusal. */
  selectors(): Iterable<string>
  identity(namespace: string, name: string): AzureIdentity | undefined
  /** What refusals have told of the bindings; empty again when a binding or an identity changes. Absent: nothing is kept. */
  readonly told?: Map<string, string>
}

export interface MatchRules {
  /** `--forceNamespaced`, and always in managed mode: pod, binding and identity in one namespace. */
  readonly forceNamespaced: boolean
}

/** One identity that a binding gives to a pod. */
export interface Match {
  readonly binding: AzureIdentityBinding
  readonly identity: AzureIdentity
}

/** One binding that selects the pod's label and still gives it nothing. */
export interface BrokenLink {
  readonly binding: AzureIdentityBinding
  readonly refusal: Refusal
}

export interface PodMatches {
  /** In a stable order: by namespace and name of the binding. */
  readonly matches: readonly Match[]
  readonly broken: readonly BrokenLink[]
  /** By which they were found. */
  readonly rules: MatchRules
}

/**
 * The one rule of who may use what: pod label -> binding -> identity. MIC builds its objects by it, NMI
 * decides each request by it, `explain` prints it. Pure, and its cost is the number of bindings with
 * that one selector.
 */
export function matchPod(pod: Pod, lookup: BindingLookup, rules: MatchRules): PodMatches {
  const selector = pod.labels[BINDING_LABEL] ?? ''
  if (selector === '') return { matches: [], broken: [], rules }
  const matches: Match[] = []
  const broken: BrokenLink[] = []
  for (const binding of sortedByName(lookup.bindingsBySelector(selector))) {
    const identity = lookup.identity(binding.namespace, binding.azureIdentity)
    const refusal = brokenLink(pod, binding, identity, rules)
    if (refusal !== undefined) broken.push({ binding, refusal })
    else if (identity !== undefined) matches.push({ binding, identity })
  }
  return { matches, broken, rules }
}

/** Why a pod has no match at all: the first broken link of the chain. Call it when `matches` is empty. */
export function firstBrokenLink(pod: Pod, found: PodMatches, lookup: BindingLookup): Refusal {
  const podName = objectKey(pod.namespace, pod.name)
  const selector = pod.labels[BINDING_LABEL]
  if (selector === undefined || selector === '') {
    return refuse('no-label', `pod ${podName} has no label ${BINDING_LABEL}`)
  }
  // A binding that a namespace rule keeps away says less about the mistake than one that could apply.
  const telling = found.broken.find((link) => link.refusal.code !== 'namespace-mismatch') ?? found.broken[0]
  if (telling !== undefined) return telling.refusal
  const others = toldOfOthers(pod.namespace, selector, lookup, found.rules)
  return refuse('no-binding', `pod ${podName} has label ${BINDING_LABEL}=${selector}; ${others}`)
}

function brokenLink(
  pod: Pod,
  binding: AzureIdentityBinding,
  identity: AzureIdentity | undefined,
  rules: MatchRules,
): Refusal | undefined {
  const podName = objectKey(pod.namespace, pod.name)
  const bindingName = objectKey(binding.namespace, binding.name)
  if (identity === undefined) {
    if (rules.forceNamespaced && binding.namespace !== pod.namespace) return namespaceMismatch(pod, binding)
    if (binding.problems.length > 0) {
      return refuse(
        'identity-missing',
        `pod ${podName} is selected by binding ${bindingName}, which cannot be used: ${binding.problems.join('; ')}`,
      )
    }
    return refuse(
      'identity-missing',
      `pod ${podName} is selected by binding ${bindingName}, whose AzureIdentity ` +
        `${objectKey(binding.namespace, binding.azureIdentity)} does not exist`,
    )
  }
  if ((rules.forceNamespaced || identity.namespaced) && binding.namespace !== pod.namespace) {
    return namespaceMismatch(pod, binding)
  }
  if (identity.problems.length > 0) {
    return refuse(
      'identity-invalid',
      `pod ${podName} is bound to AzureIdentity ${objectKey(identity.namespace, identity.name)}, ` +
        `which cannot be used: ${identity.problems.join('; ')}`,
    )
  }
  return undefined
}

function namespaceMismatch(pod: Pod, binding: AzureIdentityBinding): Refusal {
  return refuse(
    'namespace-mismatch',
    `pod ${objectKey(pod.namespace, pod.name)} is selected by binding ` +
      `${objectKey(binding.namespace, binding.name)}, which serves only pods of namespace ${binding.namespace}`,
  )
}

/** The selectors listed in a refusal; more would only hide the near match. */
const LISTED_SELECTORS = 5
/** Labels of which it is kept what was told. */
const MAX_TOLD = 1_000

/** What other bindings select. Looking at all of them costs something, and a refused pod asks again and again. */
function toldOfOthers(namespace: string, selector: string, lookup: BindingLookup, rules: MatchRules): string {
  const { told } = lookup
  const key = JSON.stringify([namespace, selector, rules.forceNamespaced])
  const known = told?.get(key)
  if (known !== undefined) return known
  const text = ofOthers(namespace, selector, lookup, rules)
  if (told !== undefined && told.size >= MAX_TOLD) told.clear()
  told?.set(key, text)
  return text
}

function ofOthers(namespace: string, selector: string, lookup: BindingLookup, rules: MatchRules): string {
  const known = selectorsFor(namespace, lookup, rules)
  if (known.length === 0)
    return rules.forceNamespaced ? `there are no bindings in namespace ${namespace}` : 'there are no bindings'
  const near = nearMatch(selector, known)
  const more = known.length > LISTED_SELECTORS ? ` and ${known.length - LISTED_SELECTORS} more` : ''
  const question = near === undefined ? '' : `. Did you mean ${near}?`
  return `bindings here select: ${firstByText(known, LISTED_SELECTORS).join(', ')}${more}${question}`
}

/** Selectors by which a pod of the namespace could be served; those of others are nothing to it. */
function selectorsFor(namespace: string, lookup: BindingLookup, rules: MatchRules): string[] {
  const serves = (binding: AzureIdentityBinding): boolean =>
    binding.namespace === namespace ||
    (!rules.forceNamespaced && lookup.identity(binding.namespace, binding.azureIdentity)?.namespaced !== true)
  const known = new Set<string>()
  for (const each of lookup.selectors()) {
    if (each === '' || known.has(each)) continue
    for (const binding of lookup.bindingsBySelector(each)) {
      if (!serves(binding)) continue
      known.add(each)
      break
    }
  }
  return [...known]
}

/** The first few in order, without the cost of sorting them all. */
function firstByText(texts: readonly string[], count: number): string[] {
  const first: string[] = []
  for (const text of texts) {
    const last = first[count - 1]
    if (last !== undefined && byText(text, last) >= 0) continue
    first.push(text)
    first.sort(byText)
    if (first.length > count) first.pop()
  }
  return first
}

/** Which identity a request asks for; at most one field is set. */
export interface IdentitySelector {
  readonly clientId?: string
  readonly resourceId?: string
  readonly objectId?: string
}

export function namesAnIdentity(selector: IdentitySelector): boolean {
  return (
    selector.clientId !== undefined || selector.resourceId !== undefined || selector.objectId !== undefined
  )
}

/**
 * True when the identity is the one the selector names, compared without case. Object ids do not stand
 * in an AzureIdentity; `objectIdOf` looks one up by client id (learnt from tokens or ARM).
 */
export function isSelected(
  identity: AzureIdentity,
  selector: IdentitySelector,
  objectIdOf: (clientId: string) => string | undefined,
): boolean {
  if (selector.clientId !== undefined) return sameText(identity.clientId, selector.clientId)
  if (selector.resourceId !== undefined) return sameResource(identity.resourceId, selector.resourceId)
  if (selector.objectId !== undefined) {
    const known = objectIdOf(identity.clientId.toLowerCase())
    return known !== undefined && sameText(known, selector.objectId)
  }
  return true
}

function sameText(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase()
}

function sameResource(a: string, b: string): boolean {
  const left = parseManagedIdentityId(a)
  const right = parseManagedIdentityId(b)
  return left !== undefined && right !== undefined && left.canonical === right.canonical
}

function sortedByName(bindings: Iterable<AzureIdentityBinding>): AzureIdentityBinding[] {
  return [...bindings].sort((a, b) => byText(a.namespace, b.namespace) || byText(a.name, b.name))
}

function byText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
