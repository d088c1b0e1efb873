import { isFields, isList, sameJson } from '../json.ts'
import { CelError, noOverload } from './cel-errors.ts'

/** What an expression is asked about. */
export interface Scope {
  readonly self: unknown
  readonly oldSelf?: unknown
}

/** @throws CelError when there is no value. */
export type Expression = (scope: Scope) => unknown

/**
 * `&&` (false decides) and `||` (true decides): one operand that decides is enough, even when the other one has
 * no value.
 */
export function logic(operands: readonly Expression[], decides: boolean): Expression {
  return (scope) => {
    let failure: CelError | undefined
    for (const operand of operands) {
      try {
        if (truth(operand(scope)) === decides) return decides
      } catch (thrown) {
        if (!(thrown instanceof CelError)) throw thrown
        failure ??= thrown
      }
    }
    if (failure !== undefined) throw failure
    return !decides
  }
}

export function truth(value: unknown): boolean {
  return typeof value === 'boolean' ? value : noOverload()
}

/** A null of a field counts as no value, as the API server has it. */
export function hasField(value: unknown, name: string): boolean {
  return !isNothing(given(value, name))
}

export function fieldOf(value: unknown, name: string): unknown {
  const found = given(value, name)
  if (isNothing(found)) throw new CelError(`no such key: ${name}`)
  return found
}

function given(value: unknown, name: string): unknown {
  return isFields(value) ? value[name] : noOverload()
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null
}

export function elementOf(value: unknown, key: unknown): unknown {
  if (typeof key === 'string') return fieldOf(value, key)
  if (!isList(value) || typeof key !== 'number') return noOverload()
  if (value[key] === undefined) throw new CelError(`index out of bounds: ${key}`)
  return value[key]
}

function isIn(value: unknown, group: unknown): boolean {
  if (isList(group)) return group.some((each) => sameJson(each, value))
  return typeof value === 'string' ? hasField(group, value) : noOverload()
}

/** Numbers by size, texts by their code points. */
function order(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return noOverload()
}

export const RELATIONS: Readonly<Record<string, (a: unknown, b: unknown) => boolean>> = {
  '==': sameJson,
  '!=': (a, b) => !sameJson(a, b),
  '<': (a, b) => order(a, b) < 0,
  '<=': (a, b) => order(a, b) <= 0,
  '>': (a, b) => order(a, b) > 0,
  '>=': (a, b) => order(a, b) >= 0,
  in: isIn,
}

export function size(value: unknown): number {
  if (typeof value === 'string') return Array.from(value).length
  if (isList(value)) return value.length
  return isFields(value) ? Object.keys(value).length : noOverload()
}

const onTexts =
  (call: (text: string, part: string) => boolean) =>
  (text: unknown, part: unknown): boolean =>
    typeof text === 'string' && typeof part === 'string' ? call(text, part) : noOverload()

/** Methods of texts with one text as argument. */
export const TEXT_METHODS: Readonly<Record<string, (text: unknown, part: unknown) => boolean>> = {
  contains: onTexts((text, part) => text.includes(part)),
  startsWith: onTexts((text, part) => text.startsWith(part)),
  endsWith: onTexts((text, part) => text.endsWith(part)),
}
