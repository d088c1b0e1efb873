import {
  type BindingLookup,
  firstBrokenLink,
  type Match,
  type MatchRules,
  matchPod,
} from '../../model/match.ts'
import { BINDING_LABEL, objectKey } from '../../model/names.ts'
import { type Refusal, refusalSpec } from '../../model/refusal.ts'
import { type AzureAssignedIdentity, isLive, type Pod } from '../../model/resources.ts'

/** One link of the chain label -> binding -> identity -> assignment. */
export interface Link {
  readonly name: string
  readonly ok: boolean
  readonly text: string
  /** What to do about a broken link. */
  readonly remedy?: string
}

export interface ChainWorld {
  readonly lookup: BindingLookup
  /** Objects for the pod; undefined in managed mode, where nobody writes them. */
  readonly assigned: readonly AzureAssignedIdentity[] | undefined
  readonly rules: MatchRules
}

/** The same rule as in NMI and MIC, one line a link, down to the first that is broken. */
export function chainOf(pod: Pod, world: ChainWorld): Link[] {
  const name = objectKey(pod.namespace, pod.name)
  const links: Link[] = [podLink(pod, name)]
  if (links.at(-1)?.ok === false) return links
  const found = matchPod(pod, world.lookup, world.rules)
  if (found.matches.length === 0) {
    const refusal = firstBrokenLink(pod, found, world.lookup)
    return [...links, broken(refusal)]
  }
  const label = pod.labels[BINDING_LABEL] ?? ''
  links.push({ name: 'label', ok: true, text: `${BINDING_LABEL}=${label}` })
  for (const match of found.matches) links.push(...matchLinks(pod, match, world.assigned))
  for (const each of found.broken) links.push(broken(each.refusal))
  return links
}

function podLink(pod: Pod, name: string): Link {
  if (!isLive(pod)) {
    return { name: 'pod', ok: false, text: `${name} has finished (${pod.phase}), so it holds no identity` }
  }
  if (pod.hostNetwork) {
    return {
      name: 'pod',
      ok: false,
      text: `${name} uses the network of its node, so its requests never reach the agent`,
      remedy: 'Run it without hostNetwork',
    }
  }
  if (pod.nodeName === '')
    return { name: 'pod', ok: false, text: `${name} is not scheduled yet`, remedy: 'Wait' }
  const addresses = pod.addresses.length === 0 ? 'no address yet' : pod.addresses.join(', ')
  return { name: 'pod', ok: true, text: `${name} on node ${pod.nodeName}, ${addresses}` }
}

function matchLinks(pod: Pod, match: Match, assigned: ChainWorld['assigned']): Link[] {
  const { binding, identity } = match
  const identityName = objectKey(identity.namespace, identity.name)
  return [
    {
      name: 'binding',
      ok: true,
      text: `${objectKey(binding.namespace, binding.name)} selects ${binding.selector}`,
    },
    { name: 'identity', ok: true, text: `${identityName}, client id ${identity.clientId}` },
    ...(assigned === undefined ? [] : [assignmentLink(pod, identityName, assigned)]),
  ]
}

function assignmentLink(pod: Pod, identityName: string, assigned: readonly AzureAssignedIdentity[]): Link {
  const object = assigned.find(
    (each) =>
      each.podNamespace === pod.namespace &&
      each.pod === pod.name &&
      objectKey(each.identity.namespace, each.identity.name) === identityName,
  )
  const name = 'assignment'
  if (object === undefined) {
    return {
      name,
      ok: false,
      text: `no AzureAssignedIdentity for ${identityName}`,
      remedy: 'See the log of MIC; in managed mode ask with --operation-mode=managed',
    }
  }
  const objectName = objectKey(object.namespace, object.name)
  if (object.state === 'Assigned' || object.state === '') {
    return { name, ok: true, text: `${objectName} is Assigned on ${object.nodeName}` }
  }
  const reason = object.message === '' ? '' : `: ${object.message}`
  return {
    name,
    ok: false,
    text: `${objectName} is ${object.state} on ${object.nodeName}${reason}`,
    remedy: refusalSpec(object.message === '' ? 'not-assigned-yet' : 'assignment-failed').remedy,
  }
}

function broken(refusal: Refusal): Link {
  return { name: refusal.code, ok: false, text: refusal.message, remedy: refusalSpec(refusal.code).remedy }
}
