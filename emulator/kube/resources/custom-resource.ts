import { fieldsAt, isFields, listAt, textAt, textsAt, valueAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import { OBJECT_META_REF } from '../schemas/builtin-schemas.ts'
import type { Schema } from '../schemas/schema.ts'
import { readRules } from '../validation/rules.ts'
import { ageSince } from './age.ts'
import { NAME } from './columns.ts'
import { jsonPath } from './json-path.ts'
import type { ResourceDefinition, TableColumn } from './resource-definition.ts'

/** The resources that a CustomResourceDefinition serves: one for each served version. */
export function customResources(definition: KubeObject): readonly ResourceDefinition[] {
  return listAt(definition, 'spec', 'versions')
    .filter((version) => valueAt(version, 'served') === true)
    .map((version) => customResource(definition, version))
}

function customResource(definition: KubeObject, version: unknown): ResourceDefinition {
  const spec = fieldsAt(definition, 'spec')
  const kind = textAt(spec, 'names', 'kind')
  const statusSubresource = valueAt(version, 'subresources', 'status') !== undefined
  const group = textAt(spec, 'group')
  const name = textAt(version, 'name')
  const schema: Schema = fieldsAt(version, 'schema', 'openAPIV3Schema')
  const rules = readRules(schema)
  return {
    group,
    version: name,
    plural: textAt(spec, 'names', 'plural'),
    singular: textAt(spec, 'names', 'singular') || kind.toLowerCase(),
    kind,
    listKind: textAt(spec, 'names', 'listKind') || `${kind}List`,
    shortNames: textsAt(spec, 'names', 'shortNames'),
    categories: textsAt(spec, 'names', 'categories'),
    namespaced: textAt(spec, 'scope') === 'Namespaced',
    verbs: ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'],
    statusSubresource,
    subresources: [],
    nameRule: 'subdomain',
    schema: wholeObjectSchema(schema, group, name, kind),
    ...(rules === undefined ? {} : { rules }),
    custom: true,
    generation: true,
    unconditionalUpdate: false,
    createOnUpdate: false,
    returnsDeleted: false,
    columns: [NAME, ...printerColumns(version)],
    selectableFields: selectable(version),
    strategy: {
      prepareCreate: (object) => (statusSubresource ? without(object, 'status') : object),
      prepareUpdate: (next, current) =>
        statusSubresource ? replaced(next, 'status', current['status']) : next,
      prepareStatus: (next, current) => ({
        ...current,
        metadata: { ...current.metadata, ...managed(next) },
        ...(next['status'] === undefined ? {} : { status: next['status'] }),
      }),
    },
  }
}

/** A write through the status subresource changes the status and who manages which field, nothing else. */
function managed(next: KubeObject): { managedFields?: KubeObject['metadata']['managedFields'] & {} } {
  const { managedFields } = next.metadata
  return managedFields === undefined ? {} : { managedFields }
}

function without(object: KubeObject, field: string): KubeObject {
  return replaced(object, field, undefined)
}

function replaced(object: KubeObject, field: string, value: unknown): KubeObject {
  const { [field]: _, ...rest } = object
  return { ...rest, ...(value === undefined ? {} : { [field]: value }) } as KubeObject
}

/** The schema of the CRD with what every object has. */
function wholeObjectSchema(schema: Schema, group: string, version: string, kind: string): Schema {
  return {
    ...schema,
    type: 'object',
    properties: {
      ...schema.properties,
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: OBJECT_META_REF,
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind }],
  }
}

function printerColumns(version: unknown): readonly TableColumn[] {
  const columns = listAt(version, 'additionalPrinterColumns')
  if (columns.length === 0)
    return [customColumn({ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' })]
  return columns.filter(isFields).map(customColumn)
}

function customColumn(column: Readonly<Record<string, unknown>>): TableColumn {
  const type = textAt(column, 'type')
  const read = jsonPath(textAt(column, 'jsonPath')) ?? (() => [])
  return {
    name: textAt(column, 'name'),
    type,
    format: textAt(column, 'format'),
    description: textAt(column, 'description'),
    priority: Number(column['priority'] ?? 0),
    cell(object, now) {
      const [value] = read(object)
      if (value === undefined || value === null) return null
      return cellOf(value, type, now)
    },
  }
}

function cellOf(value: unknown, type: string, now: number): string | number | boolean | null {
  switch (type) {
    case 'integer':
    case 'number':
      return typeof value === 'number' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'date':
      return typeof value === 'string' ? ageSince(value, now) : null
    default:
      return typeof value === 'string' ? value : JSON.stringify(value)
  }
}

function selectable(version: unknown): Readonly<Record<string, (object: KubeObject) => string>> {
  const fields = listAt(version, 'selectableFields').map((each) => textAt(each, 'jsonPath'))
  return Object.fromEntries(
    fields.map((path) => {
      const read = jsonPath(path) ?? (() => [])
      return [path.replace(/^\./, ''), (object: KubeObject) => scalarText(read(object)[0])]
    }),
  )
}

function scalarText(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}
