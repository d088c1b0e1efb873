import { createHash } from 'node:crypto'
import type { Fields } from '../json.ts'
import type { Registry } from '../registry.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { groupVersion } from '../resources/resource-definition.ts'
import { BUILTIN_SCHEMAS } from '../schemas/builtin-schemas.ts'
import type { Schema } from '../schemas/schema.ts'

const PREFIX = '#/components/schemas/'

function rootOf(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`
}

/** `/openapi/v3`: where the document of each group version is. */
export function openApiIndex(registry: Registry): Fields {
  const paths: Fields = {}
  for (const [group, versions] of registry.groups()) {
    for (const version of versions) {
      const root = rootOf(group, version)
      const hash = createHash('sha256')
        .update(openApiDocument(registry, group, version) ?? '')
        .digest('hex')
      paths[root] = { serverRelativeURL: `/openapi/v3/${root}?hash=${hash.toUpperCase()}` }
    }
  }
  return { paths }
}

/** The OpenAPI v3 document of one group version: its operations, and the schemas that they refer to. */
export function openApiDocument(registry: Registry, group: string, version: string): string | undefined {
  const served = registry.resources(group, version)
  if (served.length === 0) return undefined
  const schemas: Record<string, Schema> = {}
  const paths: Fields = {}
  for (const each of served) {
    const name = schemaName(each)
    collect({ [name]: withKind(each) }, schemas)
    for (const [path, item] of Object.entries(pathsOf(each, name))) paths[path] = item
  }
  collect({ DeleteOptions: BUILTIN_SCHEMAS['DeleteOptions'] ?? {} }, schemas)
  const info = { title: 'Kubernetes', version: 'v1.35.2' }
  return JSON.stringify({ openapi: '3.0.0', info, paths, components: { schemas } })
}

/** A unique name whose last part is the kind, as `kubectl explain` shows it. */
function schemaName(each: ResourceDefinition): string {
  if (!each.custom) return each.kind
  return `${each.group.split('.').toReversed().join('.')}.${each.version}.${each.kind}`
}

function withKind(each: ResourceDefinition): Schema {
  const { group, version, kind } = each
  return { ...each.schema, 'x-kubernetes-group-version-kind': [{ group, version, kind }] }
}

/** Adds schemas and everything that they refer to. */
function collect(named: Readonly<Record<string, Schema>>, into: Record<string, Schema>): void {
  for (const [name, schema] of Object.entries(named)) {
    if (name in into) continue
    into[name] = schema
    for (const reference of referencesOf(schema)) {
      const found = BUILTIN_SCHEMAS[reference]
      if (found !== undefined) collect({ [reference]: found }, into)
    }
  }
}

function referencesOf(schema: Schema): readonly string[] {
  const parts = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties]
  const own = schema.$ref === undefined ? [] : [schema.$ref.slice(PREFIX.length)]
  return [...own, ...parts.flatMap((each) => (typeof each === 'object' ? referencesOf(each) : []))]
}

function pathsOf(each: ResourceDefinition, schema: string): Fields {
  const root = `/${rootOf(each.group, each.version)}`
  const collection = each.namespaced
    ? `${root}/namespaces/{namespace}/${each.plural}`
    : `${root}/${each.plural}`
  const paths: Fields = {
    [collection]: { get: operation(each, schema, 'list'), post: operation(each, schema, 'post') },
    [`${collection}/{name}`]: {
      get: operation(each, schema, 'get'),
      put: operation(each, schema, 'put'),
      patch: operation(each, schema, 'patch'),
      delete: operation(each, schema, 'delete'),
    },
  }
  if (each.namespaced) paths[`${root}/${each.plural}`] = { get: operation(each, schema, 'list') }
  return paths
}

const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
  name,
  in: 'query',
  schema: { type: 'string', uniqueItems: true },
}))

function operation(each: ResourceDefinition, schema: string, action: string): Fields {
  const { group, version, kind } = each
  const writes = ['post', 'put', 'patch'].includes(action)
  const force =
    action === 'patch' ? [{ name: 'force', in: 'query', schema: { type: 'boolean', uniqueItems: true } }] : []
  const content = { 'application/json': { schema: { $ref: `${PREFIX}${schema}` } } }
  return {
    operationId: `${action}${groupVersion(each)}${kind}`,
    tags: [group === '' ? `core_${version}` : `${group}_${version}`],
    ...(writes ? { parameters: [...WRITE_PARAMETERS, ...force] } : {}),
    responses: { 200: { description: 'OK', content } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  }
}
