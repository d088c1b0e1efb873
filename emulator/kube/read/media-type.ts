import { notAcceptable } from '../api-error.ts'

/** In which form a client wants objects. */
export type Form = 'object' | 'table' | 'metadata'

export interface Accepted {
  readonly form: Form
  readonly yaml: boolean
}

const META_GROUP = 'meta.k8s.io'

interface Wish {
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
}

export function acceptWishes(header: string): readonly Wish[] {
  return header
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map((each) => {
      const [type = '', ...rest] = each.split(';').map((part) => part.trim())
      const parameters = rest.map((part) => part.split('=', 2) as [string, string])
      return { type: type.toLowerCase(), parameters: new Map(parameters) }
    })
}

/**
 * The first form of the Accept header that the server can give; protobuf is not among them.
 * @throws ApiError 406 when there is none.
 */
export function acceptedForm(header: string | undefined): Accepted {
  const wishes = acceptWishes(header === undefined || header === '' ? '*/*' : header)
  for (const { type, parameters } of wishes) {
    const json = type === 'application/json' || type === '*/*' || type === 'application/*'
    const yaml = type === 'application/yaml'
    if (!json && !yaml) continue
    const form = formOf(parameters)
    if (form !== undefined) return { form, yaml }
  }
  throw notAcceptable(['application/json', 'application/yaml'])
}

function formOf(parameters: ReadonlyMap<string, string>): Form | undefined {
  const as = parameters.get('as')
  if (as === undefined) return 'object'
  if (parameters.get('g') !== META_GROUP || parameters.get('v') !== 'v1') return undefined
  if (as === 'Table') return 'table'
  return as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList' ? 'metadata' : undefined
}
