/** What podid's roles grant, and what its accounts really asked the API server for. */
import { readFile } from 'node:fs/promises'
import type { Manifest } from '../chart/chart.ts'

/** One verb on one resource: `list secrets`, `patch deployments.apps/scale`. */
export type Right = string

export interface Request {
  readonly account: string
  readonly right: Right
  readonly namespace: string
  readonly allowed: boolean
  readonly code: number
  readonly uri: string
}

interface AuditEvent {
  readonly user: { readonly username: string }
  readonly verb: string
  readonly requestURI: string
  readonly objectRef?: {
    readonly resource?: string
    readonly subresource?: string
    readonly apiGroup?: string
    readonly namespace?: string
  }
  readonly responseStatus?: { readonly code?: number }
  readonly annotations?: Readonly<Record<string, string>>
}

const ACCOUNT = 'system:serviceaccount:'

/** Requests about objects that accounts of that namespace made, from the API server's audit log. */
export async function requestsOf(auditLog: string, namespace: string): Promise<Request[]> {
  const text = await readFile(auditLog, 'utf8')
  const events = text
    .split('\n')
    .filter((line) => line.includes(`${ACCOUNT}${namespace}:`))
    .map((line) => JSON.parse(line) as AuditEvent)
  return events.flatMap(({ user, verb, requestURI, objectRef, responseStatus, annotations }) => {
    const { resource, subresource, apiGroup = '', namespace: of = '' } = objectRef ?? {}
    if (resource === undefined) return []
    const right = rightOf(verb, apiGroup, subresource === undefined ? resource : `${resource}/${subresource}`)
    const code = responseStatus?.code ?? 0
    return [
      {
        account: user.username.slice(ACCOUNT.length),
        right,
        namespace: of,
        allowed: annotations?.['authorization.k8s.io/decision'] === 'allow' && code !== 403,
        code,
        uri: requestURI,
      },
    ]
  })
}

function rightOf(verb: string, group: string, resource: string): Right {
  const [plural = '', ...rest] = resource.split('/')
  return `${verb} ${[group === '' ? plural : `${plural}.${group}`, ...rest].join('/')}`
}

export interface Grant {
  readonly role: string
  readonly right: Right
  /** `namespace/name` of the accounts that have it. */
  readonly accounts: readonly string[]
  /** Where it holds; empty: everywhere. */
  readonly namespace: string
}

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

interface Binding {
  readonly roleRef: { readonly kind: string; readonly name: string }
  readonly subjects: readonly { readonly name: string; readonly namespace: string }[]
}

/** Every single right of the roles among these objects. */
export function grantsOf(objects: readonly Manifest[]): Grant[] {
  const bindings = objects.filter(({ kind }) => kind.endsWith('RoleBinding'))
  return objects
    .filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')
    .flatMap((role) => {
      const { kind, metadata } = role
      const accounts = bindings
        .filter((each) => {
          const { roleRef } = each as unknown as Binding
          return (
            roleRef.kind === kind &&
            roleRef.name === metadata.name &&
            (kind === 'ClusterRole' || each.metadata.namespace === metadata.namespace)
          )
        })
        .flatMap((each) =>
          (each as unknown as Binding).subjects.map(({ namespace, name }) => `${namespace}:${name}`),
        )
      const rules = role['rules'] as readonly Rule[]
      return rules
        .flatMap(({ apiGroups, resources, verbs }) =>
          apiGroups.flatMap((group) =>
            resources.flatMap((resource) => verbs.map((verb) => rightOf(verb, group, resource))),
          ),
        )
        .map((right) => ({
          role: `${kind} ${metadata.name}`,
          right,
          accounts,
          namespace: metadata.namespace ?? '',
        }))
    })
}

/** Rights that none of the accounts that have them has used, each with its role. */
export function unusedOf(grants: readonly Grant[], requests: readonly Request[]): string[] {
  const unused = grants.filter(
    ({ right, accounts, namespace }) =>
      !requests.some(
        (each) =>
          each.right === right &&
          accounts.includes(each.account) &&
          (namespace === '' || each.namespace === namespace),
      ),
  )
  return [...new Set(unused.map(({ role, right }) => `${role}: ${right}`))].sort()
}
