import type { Fields } from '../json.ts'
import { fieldsAt, isFields, listAt, sameJson, textAt, textsAt } from '../json.ts'
import type { FieldProblem } from './field-problem.ts'
import { forbiddenField, invalidValue, required } from './field-problem.ts'
import type { NameRule } from './names.ts'
import { labelValueProblems, nameProblems, qualifiedNameProblems } from './names.ts'

export interface MetadataRule {
  /** Where the metadata is, such as `metadata`. */
  readonly path: string
  readonly nameRule: NameRule
  readonly namespaced: boolean
  /** Built-in kinds accept only known or qualified finalizers. */
  readonly core: boolean
}

const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])
const ANNOTATIONS_MAX_BYTES = 256 * 1024

/** What is wrong with an object's metadata. */
export function metadataProblems(metadata: Fields, rule: MetadataRule): FieldProblem[] {
  const { path } = rule
  return [
    ...generateNameProblems(metadata, rule),
    ...nameFieldProblems(metadata, rule),
    ...namespaceProblems(metadata, rule),
    ...labelProblems(fieldsAt(metadata, 'labels'), `${path}.labels`),
    ...annotationProblems(fieldsAt(metadata, 'annotations'), `${path}.annotations`),
    ...ownerProblems(metadata, `${path}.ownerReferences`),
    ...finalizerProblems(metadata, rule),
  ]
}

function generateNameProblems(metadata: Fields, rule: MetadataRule): FieldProblem[] {
  const prefix = textAt(metadata, 'generateName')
  if (prefix === '') return []
  const usable = prefix.endsWith('-') ? `${prefix.slice(0, -1)}a` : prefix
  return nameProblems(usable, rule.nameRule).map((detail) =>
    invalidValue(`${rule.path}.generateName`, prefix, detail),
  )
}

function nameFieldProblems(metadata: Fields, rule: MetadataRule): FieldProblem[] {
  const name = textAt(metadata, 'name')
  const field = `${rule.path}.name`
  if (name === '') return [required(field, 'name or generateName is required')]
  return nameProblems(name, rule.nameRule).map((detail) => invalidValue(field, name, detail))
}

function namespaceProblems(metadata: Fields, rule: MetadataRule): FieldProblem[] {
  const namespace = textAt(metadata, 'namespace')
  const field = `${rule.path}.namespace`
  if (rule.namespaced && namespace === '') return [required(field)]
  if (!rule.namespaced && namespace !== '') return [forbiddenField(field, 'not allowed on this type')]
  if (namespace === '') return []
  return nameProblems(namespace, 'label').map((detail) => invalidValue(field, namespace, detail))
}

function labelProblems(labels: Readonly<Fields>, path: string): FieldProblem[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedNameProblems(key).map((detail) => invalidValue(path, key, detail)),
    ...labelValueProblems(typeof value === 'string' ? value : '').map((detail) =>
      invalidValue(path, value, detail),
    ),
  ])
}

function annotationProblems(annotations: Readonly<Fields>, path: string): FieldProblem[] {
  let bytes = 0
  const problems: FieldProblem[] = []
  for (const [key, value] of Object.entries(annotations)) {
    problems.push(
      ...qualifiedNameProblems(key.toLowerCase()).map((detail) => invalidValue(path, key, detail)),
    )
    bytes += key.length + (typeof value === 'string' ? Buffer.byteLength(value) : 0)
  }
  if (bytes > ANNOTATIONS_MAX_BYTES) {
    problems.push({
      type: 'FieldValueTooLong',
      field: path,
      detail: `may not be more than ${ANNOTATIONS_MAX_BYTES} bytes`,
    })
  }
  return problems
}

function ownerProblems(metadata: Fields, path: string): FieldProblem[] {
  const problems: FieldProblem[] = []
  for (const owner of listAt(metadata, 'ownerReferences')) {
    if (textAt(owner, 'kind') === 'Event' && textAt(owner, 'apiVersion') === 'v1') {
      problems.push(invalidValue(path, owner, '/v1, Kind=Event is disallowed from being an owner'))
    }
    for (const key of ['apiVersion', 'kind', 'name', 'uid']) {
      const value = textAt(owner, key)
      const detail = key === 'apiVersion' ? 'version must not be empty' : 'must not be empty'
      if (value === '') problems.push(invalidValue(`${path}.${key}`, value, detail))
    }
  }
  const controllers = listAt(metadata, 'ownerReferences').filter(
    (each) => isFields(each) && each['controller'] === true,
  )
  if (controllers.length > 1) {
    const [first, second] = controllers.map((each) => `${textAt(each, 'kind')}/${textAt(each, 'name')}`)
    const detail = `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`
    problems.push(invalidValue(path, controllers, detail))
  }
  return problems
}

function finalizerProblems(metadata: Fields, rule: MetadataRule): FieldProblem[] {
  const field = `${rule.path}.finalizers`
  return textsAt(metadata, 'finalizers').flatMap((name, at) => {
    const problems = qualifiedNameProblems(name).map((detail) => invalidValue(field, name, detail))
    if (rule.core && !name.includes('/') && !STANDARD_FINALIZERS.has(name)) {
      const detail = 'name is neither a standard finalizer name nor is it fully qualified'
      problems.push(invalidValue(`${field}[${at}]`, name, detail))
    }
    return problems
  })
}

const IMMUTABLE = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
]

/** What an update may not do to metadata. */
export function metadataUpdateProblems(next: Fields, current: Fields): FieldProblem[] {
  const problems: FieldProblem[] = []
  for (const key of IMMUTABLE) {
    if (!sameJson(next[key], current[key])) {
      problems.push(invalidValue(`metadata.${key}`, next[key], 'field is immutable'))
    }
  }
  if (current['deletionTimestamp'] !== undefined) {
    const known = new Set(textsAt(current, 'finalizers'))
    const added = textsAt(next, 'finalizers').filter((each) => !known.has(each))
    if (added.length > 0) {
      const list = added.map((each) => JSON.stringify(each)).join(', ')
      const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`
      problems.push(forbiddenField('metadata.finalizers', detail))
    }
  }
  return problems
}
