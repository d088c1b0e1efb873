import type { Fields } from '../json.ts'
import { isFields } from '../json.ts'
import type { FieldProblem } from './field-problem.ts'
import { invalidValue, required } from './field-problem.ts'
import { metadataProblems } from './metadata-rules.ts'

/**
 * `x-kubernetes-embedded-resource`: the object must name its kind, and its metadata must be sound; a name
 * is not asked for.
 */
export function embeddedProblems(value: Fields, path: string): FieldProblem[] {
  const problems: FieldProblem[] = []
  for (const key of ['apiVersion', 'kind']) {
    const field = path === '' ? key : `${path}.${key}`
    const text = value[key]
    if (text === undefined) problems.push(required(field))
    else if (text === '') problems.push(invalidValue(field, text, 'must not be empty'))
    else if (typeof text !== 'string') problems.push(invalidValue(field, text, 'must be a string'))
  }
  const { metadata } = value
  if (path === '' || !isFields(metadata)) return problems
  const named = { ...metadata, name: metadata['name'] ?? 'fakename' }
  const namespaced = typeof metadata['namespace'] === 'string' && metadata['namespace'] !== ''
  return [
    ...problems,
    ...metadataProblems(named, {
      path: `${path}.metadata`,
      nameRule: 'path-segment',
      namespaced,
      core: false,
    }),
  ]
}
