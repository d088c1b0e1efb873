import { badRequest } from './api-error.ts'
import type { KubeObject } from './kube-object.ts'
import type { ResourceDefinition } from './resources/resource-definition.ts'

export type Matcher = (object: KubeObject) => boolean

type LabelRule = (labels: Readonly<Record<string, string>>) => boolean

const SET_RULE = /^(\S+?)\s+(in|notin)\s*\(([^()]*)\)$/
const EQUALITY_RULE = /^([^=!<>\s]+)\s*(==|=|!=|>|<)\s*([^=!<>\s]*)$/
const EXISTS_RULE = /^(!?)\s*([^=!<>\s()]+)$/

/** `a=b,c!=d,e in (f,g),h,!i`. @throws ApiError 400 when it cannot be read. */
export function labelMatcher(text: string): Matcher | undefined {
  const rules = splitOutsideParentheses(text).map((each) => labelRule(each, text))
  if (rules.length === 0) return undefined
  return (object) => {
    const labels = object.metadata.labels ?? {}
    return rules.every((rule) => rule(labels))
  }
}

function splitOutsideParentheses(text: string): readonly string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((each) => each.trim())
    .filter((each) => each !== '')
}

function labelRule(text: string, whole: string): LabelRule {
  const set = SET_RULE.exec(text)
  if (set !== null) return setRule(set[1] ?? '', set[2] === 'in', set[3] ?? '')
  const equality = EQUALITY_RULE.exec(text)
  if (equality !== null) return equalityRule(equality[1] ?? '', equality[2] ?? '', equality[3] ?? '')
  const exists = EXISTS_RULE.exec(text)
  if (exists === null) throw badRequest(`unable to parse requirement: found '${text}', in '${whole}'`)
  const key = exists[2] ?? ''
  return exists[1] === '!' ? (labels) => labels[key] === undefined : (labels) => labels[key] !== undefined
}

function setRule(key: string, wanted: boolean, list: string): LabelRule {
  const values = new Set(list.split(',').map((each) => each.trim()))
  return (labels) => {
    const value = labels[key]
    return value === undefined ? !wanted : values.has(value) === wanted
  }
}

function equalityRule(key: string, operator: string, value: string): LabelRule {
  if (operator === '!=') return (labels) => labels[key] !== value
  if (operator === '>') return (labels) => labels[key] !== undefined && Number(labels[key]) > Number(value)
  if (operator === '<') return (labels) => labels[key] !== undefined && Number(labels[key]) < Number(value)
  return (labels) => labels[key] === value
}

/** `spec.nodeName=n,status.phase!=Failed`. @throws ApiError 400 for a field the resource cannot select by. */
function fieldMatcher(text: string, definition: ResourceDefinition): Matcher | undefined {
  const rules = text
    .split(',')
    .filter((each) => each !== '')
    .map((each) => fieldRule(each, definition))
  if (rules.length === 0) return undefined
  return (object) => rules.every((rule) => rule(object))
}

function fieldRule(text: string, definition: ResourceDefinition): Matcher {
  const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(text)
  if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${text}'`)
  const [, field = '', operator, value = ''] = match
  const read = fieldReader(field, definition)
  return operator === '!=' ? (object) => read(object) !== value : (object) => read(object) === value
}

function fieldReader(field: string, definition: ResourceDefinition): (object: KubeObject) => string {
  if (field === 'metadata.name') return (object) => object.metadata.name
  if (field === 'metadata.namespace' && (definition.namespaced || definition.custom)) {
    return (object) => object.metadata.namespace ?? ''
  }
  const known = definition.selectableFields[field]
  if (known !== undefined) return known
  throw badRequest(
    definition.custom || Object.keys(definition.selectableFields).length > 0
      ? `field label not supported: ${field}`
      : `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`,
  )
}

/** Both selectors of a list or watch; undefined when everything matches. */
export function selectorOf(query: URLSearchParams, definition: ResourceDefinition): Matcher | undefined {
  const labels = labelMatcher(query.get('labelSelector') ?? '')
  const fields = fieldMatcher(query.get('fieldSelector') ?? '', definition)
  if (labels === undefined) return fields
  if (fields === undefined) return labels
  return (object) => labels(object) && fields(object)
}
