import { badRequest, invalid } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { isFields, listAt, textAt, valueAt } from '../json.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { invalidValue, notSupported } from '../validation/field-problem.ts'

type PropagationPolicy = 'Orphan' | 'Background' | 'Foreground'

export interface DeleteOptions {
  readonly dryRun: boolean
  readonly gracePeriodSeconds: number | undefined
  readonly propagationPolicy: PropagationPolicy | undefined
  readonly preconditions: { readonly uid?: string; readonly resourceVersion?: string }
}

const POLICIES = ['Foreground', 'Background', 'Orphan']

/**
 * From the body (a DeleteOptions object) or, without one, from the query.
 * @throws ApiError 422 for values that the API does not know.
 */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const given: Fields = isFields(body) ? checked(body) : fromQuery(query)
  const policy = textAt(given, 'propagationPolicy')
  const grace = valueAt(given, 'gracePeriodSeconds')
  const dryRun = [...listAt(given, 'dryRun'), ...query.getAll('dryRun')].filter((each) => each !== '')
  const problems: FieldProblem[] = []
  if (policy !== '' && !POLICIES.includes(policy))
    problems.push(notSupported('propagationPolicy', policy, [...POLICIES, 'nil']))
  if (dryRun.some((each) => each !== 'All')) problems.push(notSupported('dryRun', dryRun, ['All']))
  if (policy !== '' && typeof given['orphanDependents'] === 'boolean') {
    const detail = 'orphanDependents and deletionPropagation cannot be both set'
    problems.push(invalidValue('propagationPolicy', policy, detail))
  }
  if (problems.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', problems)
  const uid = textAt(given, 'preconditions', 'uid')
  const resourceVersion = textAt(given, 'preconditions', 'resourceVersion')
  return {
    dryRun: dryRun.length > 0,
    gracePeriodSeconds: typeof grace === 'number' ? grace : undefined,
    propagationPolicy: policy === '' ? orphanDependents(given) : (policy as PropagationPolicy),
    preconditions: {
      ...(uid === '' ? {} : { uid }),
      ...(resourceVersion === '' ? {} : { resourceVersion }),
    },
  }
}

/** @throws ApiError 400 for a grace period that is no number. */
function checked(body: Fields): Fields {
  const grace = body['gracePeriodSeconds']
  if (grace === undefined || grace === null || Number.isInteger(grace)) return body
  const found = typeof grace === 'number' ? `number ${grace}` : typeof grace
  throw badRequest(
    `json: cannot unmarshal ${found} into Go struct field DeleteOptions.gracePeriodSeconds of type int64`,
  )
}

function fromQuery(query: URLSearchParams): Fields {
  const grace = query.get('gracePeriodSeconds')
  if (grace !== null && !/^-?\d*$/.test(grace)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`)
  }
  const policy = query.get('propagationPolicy')
  return {
    ...(grace === null || grace === '' ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
  }
}

/** The older way to say how dependents are dealt with. */
function orphanDependents(given: Fields): PropagationPolicy | undefined {
  const orphan = given['orphanDependents']
  if (typeof orphan !== 'boolean') return undefined
  return orphan ? 'Orphan' : 'Background'
}

/** What the server itself uses when it cleans up. */
export const BACKGROUND: DeleteOptions = {
  dryRun: false,
  gracePeriodSeconds: undefined,
  propagationPolicy: 'Background',
  preconditions: {},
}
