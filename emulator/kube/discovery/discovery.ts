import { createHash } from 'node:crypto'
import type { Fields } from '../json.ts'
import type { Registry } from '../registry.ts'
import type { ResourceDefinition, Subresource } from '../resources/resource-definition.ts'
import { groupVersion } from '../resources/resource-definition.ts'
import { REVIEWS } from './reviews.ts'

const STATUS_VERBS = ['get', 'patch', 'update']

/** `/api` */
export function apiVersions(): Fields {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
}

/** `/apis` */
export function apiGroupList(registry: Registry): Fields {
  const groups = [...groupNames(registry)].map((name) => apiGroup(registry, name))
  return { kind: 'APIGroupList', apiVersion: 'v1', groups }
}

function groupNames(registry: Registry): ReadonlySet<string> {
  const names = new Set([...registry.groups().keys(), ...REVIEWS.map((each) => each.group)])
  names.delete('')
  return names
}

function versionsOf(registry: Registry, group: string): readonly string[] {
  const served = registry.groups().get(group) ?? []
  return served.length > 0 ? served : ['v1']
}

/** `/apis/<group>` */
export function apiGroup(registry: Registry, name: string): Fields | undefined {
  if (!groupNames(registry).has(name)) return undefined
  const versions = versionsOf(registry, name).map((version) => ({
    groupVersion: `${name}/${version}`,
    version,
  }))
  return { kind: 'APIGroup', apiVersion: 'v1', name, versions, preferredVersion: versions[0] }
}

/** `/api/v1` and `/apis/<group>/<version>` */
export function apiResourceList(registry: Registry, group: string, version: string): Fields | undefined {
  const served = registry.resources(group, version)
  const reviews = version === 'v1' ? REVIEWS.filter((each) => each.group === group) : []
  if (served.length + reviews.length === 0) return undefined
  const resources = [...served.flatMap(resourceEntries), ...reviews.map(reviewEntry)]
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: groupVersion({ group, version }),
    resources: resources.sort((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1)),
  }
}

function resourceEntries(each: ResourceDefinition): Fields[] {
  const entry: Fields = {
    name: each.plural,
    singularName: each.singular,
    namespaced: each.namespaced,
    kind: each.kind,
    verbs: each.verbs,
    ...(each.shortNames.length > 0 ? { shortNames: each.shortNames } : {}),
    ...(each.categories.length > 0 ? { categories: each.categories } : {}),
    storageVersionHash: storageVersionHash(each),
  }
  const status = {
    name: `${each.plural}/status`,
    singularName: '',
    namespaced: each.namespaced,
    kind: each.kind,
  }
  const others = each.subresources.map((sub) => subresourceEntry(each, sub))
  return [entry, ...(each.statusSubresource ? [{ ...status, verbs: STATUS_VERBS }] : []), ...others]
}

function subresourceEntry(each: ResourceDefinition, sub: Subresource): Fields {
  const own = sub.group === each.group && sub.version === each.version
  return {
    name: `${each.plural}/${sub.name}`,
    singularName: '',
    namespaced: each.namespaced,
    ...(own ? {} : { group: sub.group, version: sub.version }),
    kind: sub.kind,
    verbs: sub.verbs,
  }
}

function reviewEntry(each: (typeof REVIEWS)[number]): Fields {
  return {
    name: each.plural,
    singularName: each.kind.toLowerCase(),
    namespaced: each.namespaced,
    kind: each.kind,
    verbs: ['create'],
  }
}

function storageVersionHash(each: ResourceDefinition): string {
  const text = `${each.group}/${each.version}/${each.kind}`
  return createHash('sha256').update(text).digest().subarray(0, 8).toString('base64')
}

/** `/api` or `/apis` for clients that take the whole discovery in one document. */
export function aggregatedDiscovery(registry: Registry, core: boolean): Fields {
  const names = core ? [''] : [...groupNames(registry)]
  const items = names.map((name) => ({
    metadata: core ? { creationTimestamp: null } : { name, creationTimestamp: null },
    versions: versionsOf(registry, name).map((version) => ({
      version,
      resources: aggregatedResources(registry, name, version),
      freshness: 'Current',
    })),
  }))
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items }
}

function aggregatedResources(registry: Registry, group: string, version: string): readonly Fields[] {
  const served = registry.resources(group, version).map((each) => ({
    resource: each.plural,
    responseKind: { group, version, kind: each.kind },
    scope: scopeOf(each.namespaced),
    singularResource: each.singular,
    verbs: each.verbs,
    ...(each.shortNames.length > 0 ? { shortNames: each.shortNames } : {}),
    ...(each.categories.length > 0 ? { categories: each.categories } : {}),
    ...subresourcesOf(each),
  }))
  const reviews = REVIEWS.filter((each) => each.group === group && version === 'v1').map((each) => ({
    resource: each.plural,
    responseKind: { group, version, kind: each.kind },
    scope: scopeOf(each.namespaced),
    singularResource: each.kind.toLowerCase(),
    verbs: ['create'],
  }))
  return [...served, ...reviews].sort((a, b) => (a.resource < b.resource ? -1 : 1))
}

function scopeOf(namespaced: boolean): string {
  return namespaced ? 'Namespaced' : 'Cluster'
}

function subresourcesOf(each: ResourceDefinition): { subresources?: readonly Fields[] } {
  const { group, version, kind } = each
  const status = { subresource: 'status', responseKind: { group, version, kind }, verbs: STATUS_VERBS }
  const others = each.subresources.map((sub) => ({
    subresource: sub.name,
    responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
    verbs: sub.verbs,
  }))
  const all = [...(each.statusSubresource ? [status] : []), ...others]
  return all.length > 0 ? { subresources: all } : {}
}
