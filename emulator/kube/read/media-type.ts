import { ApiError, notAcceptable } from '../api-error.ts'

/** In which form a client wants objects. */
export type Form = 'object' | 'table' | 'metadata' | 'metadata list'

export interface Accepted {
  readonly form: Form
  readonly yaml: boolean
}

/** What a real server offers; this one gives no protobuf. */
const SERVED = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']

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
export function acceptedForm(header: string | undefined, custom = false, list = false): Accepted {
  const wishes = acceptWishes(header === undefined || header === '' ? '*/*' : header)
  for (const { type, parameters } of wishes) {
    const json = type === 'application/json' || type === '*/*' || type === 'application/*'
    const yaml = type === 'application/yaml'
    if (!json && !yaml) continue
    const form = formOf(parameters)
    if (form !== undefined) return { form, yaml }
  }
  throw refused(custom, list)
}

function refused(custom: boolean, list: boolean): ApiError {
  if (custom) return notAcceptable(SERVED)
  const streams = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch']
  const all = [...SERVED, ...(list ? streams : [])]
  const message = `406: Not Acceptable\n\nAvailable representations: ${all.join(', ')}`
  return new ApiError(406, 'NotAcceptable', message, {})
}

function formOf(parameters: ReadonlyMap<string, string>): Form | undefined {
  const as = parameters.get('as')
  if (as === undefined) return 'object'
  if (parameters.get('g') !== META_GROUP || parameters.get('v') !== 'v1') return undefined
  if (as === 'Table') return 'table'
  if (as === 'PartialObjectMetadata') return 'metadata'
  return as === 'PartialObjectMetadataList' ? 'metadata list' : undefined
}
