import type { Fields } from '../json.ts'
import { fieldsAt, isFields, listAt, sameJson, textAt, valueAt, withValue } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import { EVENT_ZEROS } from '../managed-fields/update-tracking.ts'
import type { Strategy } from '../resources/resource-definition.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { forbiddenField, invalidValue, notSupported, required } from '../validation/field-problem.ts'

const keepStatus = (next: KubeObject, current: KubeObject): KubeObject =>
  withValue(next, ['status'], current['status'])

/** For kinds whose status an ordinary write may not touch. */
export const statusStrategy: Strategy = {
  prepareCreate: (object) => withValue(object, ['status'], undefined),
  prepareUpdate: keepStatus,
  prepareStatus: (next, current) => ({ ...current, status: next['status'], metadata: next.metadata }),
}

export const nodeStrategy: Strategy = {
  // A kubelet registers its node together with the status, so creation keeps it.
  prepareUpdate: keepStatus,
  prepareStatus: (next, current) => withValue(next, ['spec'], current['spec']),
  validateUpdate(next, current) {
    const before = textAt(current, 'spec', 'providerID')
    const after = textAt(next, 'spec', 'providerID')
    return before === '' || before === after
      ? []
      : [forbiddenField('spec', 'node updates may not change the provider ID once it is set')]
  },
}

export const namespaceStrategy: Strategy = {
  defaults: (namespace) =>
    withValue(namespace, ['metadata', 'labels'], {
      ...namespace.metadata.labels,
      'kubernetes.io/metadata.name': namespace.metadata.name,
    }),
  prepareCreate: (namespace) => ({
    ...namespace,
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }),
  prepareUpdate: (next, current) => ({ ...next, spec: current['spec'], status: current['status'] }),
  prepareStatus: (next, current) => withValue(next, ['spec'], current['spec']),
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const DATA_KEY = /^[-._a-zA-Z0-9]+$/
const DATA_LIMIT = 1024 * 1024

const DATA_KEY_TEXT =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"

function dataProblems(data: Readonly<Fields>, path: string): FieldProblem[] {
  return Object.keys(data).flatMap((key) =>
    keyProblems(key).map((detail) => invalidValue(`${path}[${key}]`, key, detail)),
  )
}

function keyProblems(key: string): readonly string[] {
  if (key.length > 253) return ['must be no more than 253 bytes']
  if (!DATA_KEY.test(key)) return [DATA_KEY_TEXT]
  if (key === '.') return ["must not be '.'"]
  if (key === '..') return ["must not be '..'"]
  return key.startsWith('..') ? ["must not start with '..'"] : []
}

function sizeOf(data: Readonly<Fields>): number {
  return Object.values(data).reduce<number>(
    (sum, each) => sum + (typeof each === 'string' ? each.length : 0),
    0,
  )
}

function immutableDataProblems(next: KubeObject, current: KubeObject): FieldProblem[] {
  if (current['immutable'] !== true) return []
  const problems: FieldProblem[] = []
  const detail = 'field is immutable when `immutable` is set'
  if (next['immutable'] !== true) problems.push(forbiddenField('immutable', detail))
  for (const field of ['data', 'binaryData']) {
    if (!sameJson(next[field], current[field])) problems.push(forbiddenField(field, detail))
  }
  return problems
}

/** `stringData` is written, and `data` is read. */
function mergeStringData(secret: KubeObject): KubeObject {
  const texts = secret['stringData']
  if (!isFields(texts)) return secret
  const data: Fields = { ...fieldsAt(secret, 'data') }
  for (const [key, text] of Object.entries(texts)) data[key] = Buffer.from(String(text)).toString('base64')
  return withValue({ ...secret, data }, ['stringData'], undefined)
}

export const secretStrategy: Strategy = {
  defaults: (secret) => mergeStringData({ ...secret, type: textAt(secret, 'type') || 'Opaque' }),
  validate(secret) {
    const data = fieldsAt(secret, 'data')
    const problems = dataProblems(data, 'data')
    for (const [key, value] of Object.entries(data)) {
      if (typeof value !== 'string' || !BASE64.test(value))
        problems.push(invalidValue(`data[${key}]`, '<value omitted>', 'illegal base64 data'))
    }
    if (sizeOf(data) > DATA_LIMIT * 1.34) {
      problems.push({
        type: 'FieldValueTooLong',
        field: 'data',
        detail: `may not be more than ${DATA_LIMIT} bytes`,
      })
    }
    return problems
  },
  validateUpdate(next, current) {
    const problems = immutableDataProblems(next, current)
    if (textAt(next, 'type') !== textAt(current, 'type')) {
      problems.push(invalidValue('type', textAt(next, 'type'), 'field is immutable'))
    }
    return problems
  },
}

export const configMapStrategy: Strategy = {
  validate(map) {
    const data = fieldsAt(map, 'data')
    const binary = fieldsAt(map, 'binaryData')
    const doubled = Object.keys(data).filter((key) => key in binary)
    const problems = [
      ...dataProblems(data, 'data'),
      ...doubled.map((key) => invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData')),
      ...dataProblems(binary, 'binaryData'),
    ]
    if (sizeOf(data) > DATA_LIMIT) {
      problems.push({
        type: 'FieldValueTooLong',
        field: '',
        detail: `may not be more than ${DATA_LIMIT} bytes`,
      })
    }
    return problems
  },
  validateUpdate: immutableDataProblems,
}

function withoutNulls(event: KubeObject): Fields {
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== null))
}

export const eventStrategy: Strategy = {
  defaults: (event) => ({ ...event, ...EVENT_ZEROS, ...withoutNulls(event) }),
  validate(event) {
    const involved = textAt(event, 'involvedObject', 'namespace')
    const own = event.metadata.namespace ?? ''
    // An event about an object without a namespace lives in `default`.
    if (involved === own || (involved === '' && own === 'default')) return []
    return [invalidValue('involvedObject.namespace', involved, 'does not match event.namespace')]
  },
}

export const leaseStrategy: Strategy = {
  validate(lease) {
    const problems: FieldProblem[] = []
    for (const field of ['leaseDurationSeconds', 'leaseTransitions'] as const) {
      const value = valueAt(lease, 'spec', field)
      const least = field === 'leaseDurationSeconds' ? 1 : 0
      if (typeof value === 'number' && value < least) {
        const what = least === 1 ? 'must be greater than 0' : 'must be greater than or equal to 0'
        problems.push(invalidValue(`spec.${field}`, value, what))
      }
    }
    return problems
  },
}

export const endpointsStrategy: Strategy = {
  validate(endpoints) {
    return listAt(endpoints, 'subsets').flatMap((subset, at) => {
      const field = `subsets[${at}]`
      const some = listAt(subset, 'addresses').length + listAt(subset, 'notReadyAddresses').length > 0
      return some ? [] : [required(field, 'must specify `addresses` or `notReadyAddresses`')]
    })
  },
}

const RBAC = 'rbac.authorization.k8s.io'

function withSubjectDefaults(binding: KubeObject): KubeObject {
  const subjects = listAt(binding, 'subjects').map((each) => {
    const group = textAt(each, 'kind') === 'ServiceAccount' ? {} : { apiGroup: RBAC }
    return { ...group, ...(each as Fields) }
  })
  const roleRef = { apiGroup: RBAC, ...fieldsAt(binding, 'roleRef') }
  return { ...binding, roleRef, ...(subjects.length === 0 ? {} : { subjects }) }
}

/** As Go shows its internal struct. */
function goRoleRef(binding: KubeObject): Fields {
  const { apiGroup, kind, name } = fieldsAt(binding, 'roleRef')
  return { APIGroup: apiGroup, Kind: kind, Name: name }
}

export const bindingStrategy: Strategy = {
  defaults: withSubjectDefaults,
  validate(binding) {
    const problems: FieldProblem[] = []
    const kinds = binding.kind === 'RoleBinding' ? ['Role', 'ClusterRole'] : ['ClusterRole']
    const kind = textAt(binding, 'roleRef', 'kind')
    if (!kinds.includes(kind)) problems.push(notSupported('roleRef.kind', kind, kinds))
    if (textAt(binding, 'roleRef', 'name') === '') problems.push(required('roleRef.name'))
    listAt(binding, 'subjects').forEach((each, at) => {
      const field = `subjects[${at}]`
      if (textAt(each, 'name') === '') problems.push(required(`${field}.name`))
    })
    return problems
  },
  validateUpdate(next, current) {
    return sameJson(next['roleRef'], current['roleRef'])
      ? []
      : [invalidValue('roleRef', goRoleRef(next), 'cannot change roleRef')]
  },
}

export const roleStrategy: Strategy = {
  validate(role) {
    return listAt(role, 'rules').flatMap((rule, at) => {
      const field = `rules[${at}]`
      const problems: FieldProblem[] = []
      if (listAt(rule, 'verbs').length === 0)
        problems.push(required(`${field}.verbs`, 'verbs must contain at least one value'))
      if (listAt(rule, 'nonResourceURLs').length > 0) return problems
      if (listAt(rule, 'apiGroups').length === 0) {
        problems.push(required(`${field}.apiGroups`, 'resource rules must supply at least one api group'))
      }
      if (listAt(rule, 'resources').length === 0) {
        problems.push(required(`${field}.resources`, 'resource rules must supply at least one resource'))
      }
      return problems
    })
  },
}
