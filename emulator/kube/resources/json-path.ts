import { isFields, isList } from '../json.ts'

type Step = (values: readonly unknown[]) => readonly unknown[]

const STEP =
  /\.?\[\?\(@\.([\w.-]+)\s*==\s*(?:"([^"]*)"|'([^']*)'|([^)\s]+))\s*\)\]|\.?\[(\*|-?\d+)\]|\.?\[['"]([^'"]*)['"]\]|\.((?:\\.|[^.[\]\\])+)/y

/**
 * The simple JSON paths of printer columns and selectable fields: `.a.b`, `['a.b']`, `.a\.b`, `[0]`, `[*]`,
 * `[?(@.type=="Ready")]`. @returns undefined when the path cannot be read.
 */
export function jsonPath(text: string): ((object: unknown) => readonly unknown[]) | undefined {
  const body = text.replace(/^\{(.*)\}$/, '$1')
  const steps: Step[] = []
  STEP.lastIndex = 0
  while (STEP.lastIndex < body.length) {
    const match = STEP.exec(body)
    if (match === null) return undefined
    steps.push(stepOf(match))
  }
  return (object) => steps.reduce<readonly unknown[]>((values, step) => step(values), [object])
}

function stepOf(match: RegExpExecArray): Step {
  const [, filterKey, doubleQuoted, singleQuoted, bare, at, quoted, name] = match
  if (filterKey !== undefined) {
    const wanted = doubleQuoted ?? singleQuoted ?? bare ?? ''
    const keys = filterKey.split('.')
    return (values) =>
      values.flatMap((each) => (isList(each) ? each.filter((item) => textOf(item, keys) === wanted) : []))
  }
  if (at === '*')
    return (values) =>
      values.flatMap((each) => (isList(each) ? each : isFields(each) ? Object.values(each) : []))
  if (at !== undefined) {
    return (values) =>
      values.flatMap((each) =>
        isList(each) && each.at(Number(at)) !== undefined ? [each.at(Number(at))] : [],
      )
  }
  const key = quoted ?? (name ?? '').replaceAll(/\\(.)/g, '$1')
  return (values) => values.flatMap((each) => (isFields(each) && each[key] !== undefined ? [each[key]] : []))
}

function textOf(item: unknown, keys: readonly string[]): string {
  let value = item
  for (const key of keys) value = isFields(value) ? value[key] : undefined
  return String(value)
}
