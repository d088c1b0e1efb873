import { isMap, isScalar, type ParsedNode, Scalar } from 'yaml'
import { shown } from '../shown.ts'

/** One value of a mapping, as text. */
export interface FieldText {
  /** Trimmed source text; empty for `null`, `~` and nothing. */
  readonly text: string
  /** Written without quotes. */
  readonly plain: boolean
}

/** Why a node is no mapping of texts; the message names the field. */
export class YamlFieldsError extends Error {
  override readonly name = 'YamlFieldsError'
}

const NULLS: ReadonlySet<string> = new Set(['', '~', 'null', 'Null', 'NULL'])
const TEXT_TAG = 'tag:yaml.org,2002:str'

/**
 * The values of a mapping by key; nothing and `null` are an empty mapping. What stands under keys that are not `known` is
 * not looked at; it is listed as `others`.
 * @throws YamlFieldsError
 */
export function fieldsOf(
  node: ParsedNode | undefined,
  known: readonly string[],
): { readonly fields: ReadonlyMap<string, FieldText>; readonly others: readonly string[] } {
  const fields = new Map<string, FieldText>()
  const others: string[] = []
  for (const [key, value] of pairsOf(node, 'objectName: a')) {
    if (!known.includes(key)) {
      others.push(key)
      continue
    }
    if (value !== null && !isScalar(value))
      throw new YamlFieldsError(`${key} is ${kindOf(value)}, not a text`)
    fields.set(key, value === null ? { text: '', plain: true } : fieldText(value))
  }
  return { fields, others }
}

/**
 * Keys and values of a mapping.
 * @param example for the message when it is none
 * @throws YamlFieldsError when it is none, or repeats a key
 */
export function pairsOf(
  node: ParsedNode | undefined,
  example: string,
): ReadonlyMap<string, ParsedNode | null> {
  const pairs = new Map<string, ParsedNode | null>()
  if (node === undefined || isNothing(node)) return pairs
  if (!isMap(node)) throw new YamlFieldsError(`${kindOf(node)}, not a mapping such as "${example}"`)
  for (const pair of node.items) {
    // Keys that are no text are no key of ours.
    if (!isScalar(pair.key)) continue
    const key = scalarText(pair.key)
    if (key === '<<') throw new YamlFieldsError('merge keys (<<) are not supported')
    if (pairs.has(key)) throw new YamlFieldsError(`the key ${shown(key)} is there twice`)
    pairs.set(key, pair.value)
  }
  return pairs
}

/** True for a scalar that YAML calls null. */
export function isNothing(node: ParsedNode): boolean {
  return isScalar(node) && isPlain(node) && node.tag !== TEXT_TAG && NULLS.has(scalarText(node))
}

/** Text of a scalar as it stands in the source, not trimmed; quotes and blocks resolved. */
export function scalarText(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? '')
}

function fieldText(node: Scalar.Parsed): FieldText {
  return { text: isNothing(node) ? '' : scalarText(node).trim(), plain: isPlain(node) }
}

function isPlain(node: Scalar): boolean {
  return node.type === undefined || node.type === Scalar.PLAIN
}

/** For messages. */
export function kindOf(node: ParsedNode): string {
  if (isScalar(node)) return 'a text'
  if (isMap(node)) return 'a mapping'
  return 'items' in node ? 'a list' : 'an alias (not supported)'
}
