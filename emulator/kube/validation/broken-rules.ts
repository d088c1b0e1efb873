import { CelError, NO_OVERLOAD } from '../cel/cel-errors.ts'
import { isFields, isList, sameJson, valueAt } from '../json.ts'
import type { Schema } from '../schemas/schema.ts'
import { counterpart } from './counterpart.ts'
import type { FieldProblem } from './field-problem.ts'
import { duplicate, forbiddenField, invalidValue, OMITTED, problemText, required } from './field-problem.ts'
import type { Rule, Rules } from './rules.ts'

/** What keeps the rules from being asked: they could not rely on the shape of the object. */
const BLOCKING: ReadonlySet<string> = new Set<FieldProblem['type']>([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
])

const NOT_CHECKED = invalidValue(
  '<nil>',
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
)

export interface RuledWrite {
  readonly next: unknown
  /** What is stored, for an update. */
  readonly current?: unknown
  /** Takes what is wrong with a value that was as wrong before. */
  readonly warn: (text: string) => void
}

/** What the rules find wrong, where other problems leave anything to ask them. */
export function ruleProblems(
  rules: Rules,
  found: readonly FieldProblem[],
  { next, current, warn }: RuledWrite,
): readonly FieldProblem[] {
  if (found.some((each) => BLOCKING.has(each.type))) return [NOT_CHECKED]
  const kept = current !== undefined && sameJson(next, current)
  return problemsAt(rules, { value: next, old: current, path: '', kept }, warn)
}

/** A value, and what was stored in its place. */
interface Place {
  readonly value: unknown
  /** Undefined when nothing was, or nobody can tell what. */
  readonly old: unknown
  readonly path: string
  /** Nothing has changed here. */
  readonly kept: boolean
}

function problemsAt(rules: Rules, place: Place, warn: (text: string) => void): readonly FieldProblem[] {
  const { value, old } = place
  // A rule about a null stands where the null is a field.
  if (value === undefined || value === null) return []
  const problems = rules.own.flatMap((rule) => brokenBy(rule, rules.schema, place, warn))
  const within = (inner: Rules | undefined, each: unknown, before: unknown, path: string): void => {
    if (inner === undefined) return
    const kept = before === undefined ? place.kept : sameJson(each, before)
    problems.push(...problemsAt(inner, { value: each, old: before, path, kept }, warn))
  }
  if (isList(value)) {
    value.forEach((each, at) =>
      within(rules.items, each, counterpart(each, old, rules.schema), `${place.path}[${at}]`),
    )
  }
  if (isFields(value)) {
    for (const [key, each] of Object.entries(value)) {
      const path = place.path === '' ? key : `${place.path}.${key}`
      const before = valueAt(old, key)
      within(rules.properties.get(key), each, before, path)
      within(rules.others, each, before, `${place.path}[${key}]`)
    }
  }
  return problems
}

function brokenBy(
  rule: Rule,
  schema: Schema,
  place: Place,
  warn: (text: string) => void,
): readonly FieldProblem[] {
  if (rule.usesOldSelf && place.old === undefined) return []
  try {
    if (rule.evaluate({ self: place.value, oldSelf: place.old }) === true) return []
  } catch (thrown) {
    if (!(thrown instanceof CelError)) throw thrown
    const text = thrown.message.startsWith(NO_OVERLOAD)
      ? `'${thrown.message}': call arguments did not match a supported operator, function or macro signature for rule: ${rule.title}`
      : `${thrown.message} evaluating rule: ${rule.title}`
    return [invalidValue(place.path === '' ? '<nil>' : place.path, schema.type ?? '', text)]
  }
  const problem = refused(rule, schema, place)
  if (rule.usesOldSelf || !place.kept) return [problem]
  warn(`${problem.field}: ${problemText(problem)}`)
  return []
}

function refused(rule: Rule, schema: Schema, place: Place): FieldProblem {
  const field = [place.path, rule.field].filter((each) => each !== '').join('.') || '<nil>'
  const value = schema.type === 'object' || schema.type === 'array' ? OMITTED : place.value
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return forbiddenField(field, rule.message)
    case 'FieldValueRequired':
      return required(field, rule.message)
    case 'FieldValueDuplicate':
      return duplicate(field, value)
    default:
      return invalidValue(field, value, rule.message)
  }
}
