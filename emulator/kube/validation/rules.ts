import { type CelProgram, compileCel } from '../cel/cel.ts'
import { UnreadableCel } from '../cel/cel-errors.ts'
import { textAt, valueAt } from '../json.ts'
import type { Schema } from '../schemas/schema.ts'

/** The rules (`x-kubernetes-validations`) of a schema and of what is in it. */
export interface Rules {
  readonly schema: Schema
  readonly own: readonly Rule[]
  readonly properties: ReadonlyMap<string, Rules>
  readonly others: Rules | undefined
  readonly items: Rules | undefined
}

export interface Rule extends CelProgram {
  readonly message: string
  /** What an error in the rule itself is told about. */
  readonly title: string
  /** `resourceID` for `.resourceID`; empty for the value itself. */
  readonly field: string
  readonly reason: string
}

/**
 * Reads the rules of a schema. One that is more than the emulator's part of CEL is left out.
 * @returns undefined when there is none at all, readable or not.
 */
export function readRules(schema: Schema | undefined): Rules | undefined {
  if (schema === undefined) return undefined
  const { additionalProperties: others } = schema
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, each]) => {
    const rules = readRules(each)
    return rules === undefined ? [] : [[name, rules] as const]
  })
  const given = schema['x-kubernetes-validations'] ?? []
  const rules: Rules = {
    schema,
    own: speaksPlainly(schema) ? given.flatMap(readRule) : [],
    properties: new Map(properties),
    others: typeof others === 'object' ? readRules(others) : undefined,
    items: readRules(schema.items),
  }
  const isEmpty = given.length === 0 && properties.length === 0
  return isEmpty && rules.others === undefined && rules.items === undefined ? undefined : rules
}

function readRule(given: unknown): readonly Rule[] {
  const text = textAt(given, 'rule').trim()
  const field = textAt(given, 'fieldPath')
  const isPlain = /^(?:\.[A-Za-z_]\w*)*$/.test(field) && valueAt(given, 'optionalOldSelf') !== true
  if (text === '' || !isPlain || textAt(given, 'messageExpression') !== '') return []
  const message = textAt(given, 'message').trim()
  try {
    return [
      {
        ...compileCel(text),
        message: message === '' ? `failed rule: ${text}` : message,
        title: message === '' ? text : message,
        field: field.slice(1),
        reason: textAt(given, 'reason'),
      },
    ]
  } catch (thrown) {
    if (thrown instanceof UnreadableCel) return []
    throw thrown
  }
}

const TIMES_AND_BYTES: ReadonlySet<string> = new Set(['date', 'date-time', 'duration', 'byte'])

/** Whether the values are for CEL what they are in JSON: no times, no bytes, no lists without an order. */
function speaksPlainly(schema: Schema): boolean {
  const { format, items, properties, additionalProperties: others } = schema
  const isSet = ['set', 'map'].includes(schema['x-kubernetes-list-type'] ?? '')
  // A null is a value in a map and none in an object, which the emulator does not tell apart.
  const hasNulls = typeof others === 'object' && others.nullable === true
  if (isSet || hasNulls || TIMES_AND_BYTES.has(format ?? '')) return false
  const inner = [...Object.values(properties ?? {}), items, typeof others === 'object' ? others : undefined]
  return inner.every((each) => each === undefined || speaksPlainly(each))
}
