import { listAt, textAt, textsAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import type { World } from '../world.ts'
import { findObject } from '../world.ts'
import type { User } from './user.ts'
import { MASTERS, serviceAccountName } from './user.ts'

const RBAC = 'rbac.authorization.k8s.io'

/** What someone wants to do. */
export interface Attributes {
  readonly verb: string
  /** Empty path: a resource request. */
  readonly path: string
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
}

export interface Decision {
  readonly allowed: boolean
  /** Which binding allowed it, or what stood in the way. */
  readonly reason: string
}

/** Role-based access control over the Role and Binding objects of the store. */
export class Authorizer {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  decide(user: User, attributes: Attributes): Decision {
    if (user.groups.includes(MASTERS)) return { allowed: true, reason: '' }
    const missing: string[] = []
    for (const binding of this.#bindings(attributes.namespace)) {
      const subject = subjectOf(binding, user)
      if (subject === undefined) continue
      const rules = this.#rulesOf(binding)
      if (rules === undefined) {
        const { kind, name } = roleRef(binding)
        missing.push(`${kind.toLowerCase()}.${RBAC} ${JSON.stringify(name)} not found`)
      } else if (rules.some((rule) => allows(rule, attributes))) {
        return { allowed: true, reason: whyAllowed(binding, subject) }
      }
    }
    return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${reasons(missing)}` }
  }

  /** All rules that hold for a user in a namespace, for SelfSubjectRulesReview. */
  rulesFor(user: User, namespace: string): readonly unknown[] {
    if (user.groups.includes(MASTERS)) {
      return [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ]
    }
    return this.#bindings(namespace)
      .filter((binding) => subjectOf(binding, user) !== undefined)
      .flatMap((binding) => this.#rulesOf(binding) ?? [])
  }

  #bindings(namespace: string): readonly KubeObject[] {
    const { database } = this.#world
    const everywhere = [...database.store({ plural: 'clusterrolebindings', group: RBAC }).values()]
    if (namespace === '') return everywhere
    const store = database.store({ plural: 'rolebindings', group: RBAC })
    const here = store.keysFrom(`${namespace}/`, '').flatMap((key) => store.get(key) ?? [])
    return [...everywhere, ...here]
  }

  #rulesOf(binding: KubeObject): readonly unknown[] | undefined {
    const { kind, name } = roleRef(binding)
    const key = kind === 'Role' ? `${binding.metadata.namespace ?? ''}/${name}` : name
    const role = findObject(this.#world, kind === 'Role' ? 'roles' : 'clusterroles', key, RBAC)
    return role === undefined ? undefined : this.#withAggregated(role)
  }

  /** A ClusterRole may gather the rules of all others that carry a label. */
  #withAggregated(role: KubeObject): readonly unknown[] {
    const own = listAt(role, 'rules')
    const selectors = listAt(role, 'aggregationRule', 'clusterRoleSelectors')
    if (selectors.length === 0) return own
    const all = [...this.#world.database.store({ plural: 'clusterroles', group: RBAC }).values()]
    const gathered = all.filter((each) => each !== role && selectors.some((one) => hasLabels(each, one)))
    return [...own, ...gathered.flatMap((each) => listAt(each, 'rules'))]
  }
}

function hasLabels(role: KubeObject, selector: unknown): boolean {
  const wanted = (selector as { matchLabels?: Record<string, string> } | undefined)?.matchLabels ?? {}
  return Object.entries(wanted).every(([key, value]) => role.metadata.labels?.[key] === value)
}

function reasons(missing: readonly string[]): string {
  return missing.length === 1 ? (missing[0] ?? '') : `[${missing.join(', ')}]`
}

function roleRef(binding: KubeObject): { readonly kind: string; readonly name: string } {
  return { kind: textAt(binding, 'roleRef', 'kind'), name: textAt(binding, 'roleRef', 'name') }
}

function subjectOf(binding: KubeObject, user: User): string | undefined {
  for (const subject of listAt(binding, 'subjects')) {
    const name = textAt(subject, 'name')
    const kind = textAt(subject, 'kind')
    const namespace = textAt(subject, 'namespace') || (binding.metadata.namespace ?? '')
    if (kind === 'User' && name === user.name) return `User "${name}"`
    if (kind === 'Group' && user.groups.includes(name)) return `Group "${name}"`
    if (kind === 'ServiceAccount' && serviceAccountName(namespace, name) === user.name) {
      return `ServiceAccount "${name}/${namespace}"`
    }
  }
  return undefined
}

function whyAllowed(binding: KubeObject, subject: string): string {
  const { kind, name } = roleRef(binding)
  const where =
    binding.metadata.namespace === undefined
      ? binding.metadata.name
      : `${binding.metadata.name}/${binding.metadata.namespace}`
  return `RBAC: allowed by ${binding.kind} "${where}" of ${kind} "${name}" to ${subject}`
}

function covers(list: readonly string[], value: string): boolean {
  return list.includes('*') || list.includes(value)
}

/** Whether one rule of a role allows it. */
function allows(rule: unknown, wanted: Attributes): boolean {
  if (!covers(textsAt(rule, 'verbs'), wanted.verb)) return false
  if (wanted.path !== '') {
    return textsAt(rule, 'nonResourceURLs').some(
      (each) => each === wanted.path || (each.endsWith('*') && wanted.path.startsWith(each.slice(0, -1))),
    )
  }
  const whole = wanted.subresource === '' ? wanted.resource : `${wanted.resource}/${wanted.subresource}`
  const resources = textsAt(rule, 'resources')
  const names = textsAt(rule, 'resourceNames')
  return (
    covers(textsAt(rule, 'apiGroups'), wanted.group) &&
    (covers(resources, whole) ||
      (wanted.subresource !== '' && resources.includes(`*/${wanted.subresource}`))) &&
    (names.length === 0 || names.includes(wanted.name))
  )
}

/** The text of a refusal, as a real server words it. */
export function refusalText(user: User, wanted: Attributes, reason: string): string {
  const who = `User "${user.name}" cannot ${wanted.verb}`
  const why = reason === '' ? '' : `: ${reason}`
  if (wanted.path !== '') return `${who} path "${wanted.path}"${why}`
  const resource = wanted.subresource === '' ? wanted.resource : `${wanted.resource}/${wanted.subresource}`
  const place = wanted.namespace === '' ? 'at the cluster scope' : `in the namespace "${wanted.namespace}"`
  return `${who} resource "${resource}" in API group "${wanted.group}" ${place}${why}`
}
