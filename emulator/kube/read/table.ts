import { badRequest } from '../api-error.ts'
import type { Fields } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import type { ListMeta } from './presentation.ts'
import { presented } from './presentation.ts'

export type IncludeObject = 'None' | 'Metadata' | 'Object'

export function includeObject(query: URLSearchParams): IncludeObject {
  const text = query.get('includeObject') ?? ''
  if (text === 'None' || text === 'Object') return text
  if (text === '' || text === 'Metadata') return 'Metadata'
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(text)}: must be 'Metadata', 'Object', 'None', or empty`,
  )
}

export interface TableRequest {
  readonly definition: ResourceDefinition
  readonly include: IncludeObject
  /** Milliseconds since the epoch, for ages. */
  readonly now: number
  /** Later events of a watch repeat no headers. */
  readonly headers: boolean
}

/** Objects as a `Table`: what kubectl prints. */
export function tableOf(
  objects: readonly KubeObject[],
  metadata: ListMeta | Fields,
  request: TableRequest,
): Fields {
  const { columns } = request.definition
  const columnDefinitions = columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }))
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: request.headers ? columnDefinitions : null,
    rows: objects.map((each) => rowOf(each, request)),
  }
}

function rowOf(object: KubeObject, request: TableRequest): Fields {
  const cells = request.definition.columns.map((each) => each.cell(object, request.now))
  const row: Fields = { cells, object: null }
  if (request.include === 'Metadata') row['object'] = metadataOnly(object)
  if (request.include === 'Object') row['object'] = presented(object, request.definition)
  return row
}

/** The object as `PartialObjectMetadata`. */
export function metadataOnly(object: KubeObject): Fields {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata }
}
