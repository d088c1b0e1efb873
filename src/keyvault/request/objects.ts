import { isScalar, isSeq, type ParsedNode } from 'yaml'
import { MountFailure } from '../mount-failure.ts'
import { shown } from '../shown.ts'
import type { WantedObject } from '../wanted-object.ts'
import { filePath } from './file-names.ts'
import { createFileTree } from './file-tree.ts'
import { type ObjectFields, ObjectRuleError, wantedObject } from './object-rules.ts'
import { nearMissesOf, spellingHint } from './spelling.ts'
import {
  type FieldText,
  fieldsOf,
  isNothing,
  kindOf,
  pairsOf,
  scalarText,
  YamlFieldsError,
} from './yaml-fields.ts'
import { createYamlReader, type YamlReader, YamlTextError } from './yaml-text.ts'

/** Objects of one class. */
const MOST_OBJECTS = 1_000
/** Files of one class, each version one: as many reads of the vault. */
const MOST_FILES = 5_000

const FIELDS = [
  'objectName',
  'objectType',
  'objectAlias',
  'objectVersion',
  'objectVersionHistory',
  'objectFormat',
  'objectEncoding',
  'filePermission',
  'optional',
] as const

const INT32 = 2 ** 31

/**
 * The parameter `objects`: YAML with the key `array`, whose entries are texts, each YAML of its own. Entries that are
 * mappings are read as well (the old provider refused them): they can mean nothing else.
 * @param defaultMode permission bits of objects that say none
 * @throws MountFailure `objects-invalid`
 */
export function readObjectList(text: string, defaultMode: number): readonly WantedObject[] {
  if (text === '') throw invalid('objects is not set')
  const reader = createYamlReader()
  const entries = inWords(
    () => entriesOf(reader(text)),
    (problem) => `failed to yaml unmarshal objects, error: ${problem}`,
  )
  if (entries.length === 0) throw invalid('objects is empty: its array holds no object')
  if (entries.length > MOST_OBJECTS) throw invalid(`objects holds more than ${MOST_OBJECTS} objects`)
  const tree = createFileTree()
  let files = 0
  return entries.map((entry, index) => {
    const fields = inWords(
      () => objectFields(nodeOf(entry, reader)),
      (problem) => `unmarshal failed for keyVaultObjects at index ${index}, error: ${problem}`,
    )
    return inWords(
      () => {
        const wanted = withHint(fields, () => wantedObject(fields.values, defaultMode))
        files += wanted.history
        if (files > MOST_FILES)
          throw new ObjectRuleError(`with it, objects asks for more than ${MOST_FILES} files`)
        place(wanted, index, tree)
        return wanted
      },
      (problem) => `${prefixOf(fields.values)}${problem}`,
    )
  })
}

function entriesOf(root: ParsedNode | undefined): readonly ParsedNode[] {
  const array = pairsOf(root, 'array:').get('array')
  if (array === undefined || array === null || isNothing(array)) return []
  if (isSeq(array)) return array.items
  throw new YamlFieldsError(`array is ${kindOf(array)}, not a list`)
}

/** An entry's mapping, whether it stands there or in a text. */
function nodeOf(entry: ParsedNode, reader: YamlReader): ParsedNode | undefined {
  if (!isScalar(entry)) return entry
  return isNothing(entry) ? undefined : reader(scalarText(entry))
}

interface Fields {
  readonly values: ObjectFields
  readonly misspelled: ReadonlyMap<string, string>
}

function objectFields(node: ParsedNode | undefined): Fields {
  const { fields, others } = fieldsOf(node, FIELDS)
  const text = (name: (typeof FIELDS)[number]): string => fields.get(name)?.text ?? ''
  return {
    values: {
      objectName: text('objectName'),
      objectType: text('objectType'),
      objectAlias: text('objectAlias'),
      objectVersion: text('objectVersion'),
      objectVersionHistory: historyOf(fields.get('objectVersionHistory')),
      objectFormat: text('objectFormat'),
      objectEncoding: text('objectEncoding'),
      filePermission: text('filePermission'),
      optional: text('optional'),
    },
    misspelled: nearMissesOf(others, FIELDS),
  }
}

/** A 32-bit number without quotes, as Go's decoder takes it. */
function historyOf(field: FieldText | undefined): number {
  if (field === undefined || field.text === '') return 0
  const value = /^[+-]?(?:0|[1-9]\d{0,9})$/.test(field.text) ? Number(field.text) : Number.NaN
  if (field.plain && value >= -INT32 && value < INT32) return value
  throw new YamlFieldsError('objectVersionHistory is not a whole number without quotes')
}

function place(wanted: WantedObject, index: number, tree: ReturnType<typeof createFileTree>): void {
  for (let version = 0; version < wanted.history; version += 1) {
    const path = filePath(wanted, wanted.history > 1 ? version : undefined)
    const other = tree.add(path, index)
    if (other === undefined) continue
    throw new ObjectRuleError(
      `its file ${shown(path)} collides with that of the object at index ${other}: give one of them another objectAlias`,
    )
  }
}

/** A required field that is missing may only be misspelled. */
function withHint<T>(fields: Fields, work: () => T): T {
  try {
    return work()
  } catch (thrown) {
    if (!(thrown instanceof ObjectRuleError)) throw thrown
    const missing = (['objectName', 'objectType'] as const).filter((name) => fields.values[name] === '')
    throw new ObjectRuleError(`${thrown.message}${spellingHint(fields.misspelled, ...missing)}`)
  }
}

function prefixOf({ objectType, objectName, objectVersion }: ObjectFields): string {
  return `failed to get objectType:${shown(objectType)}, objectName:${shown(objectName)}, objectVersion:${shown(objectVersion)}: `
}

function inWords<T>(work: () => T, words: (problem: string) => string): T {
  try {
    return work()
  } catch (thrown) {
    const ours = [YamlTextError, YamlFieldsError, ObjectRuleError].some((each) => thrown instanceof each)
    if (!ours || !(thrown instanceof Error)) throw thrown
    throw invalid(words(thrown.message), thrown.cause)
  }
}

function invalid(text: string, cause?: unknown): MountFailure {
  return new MountFailure('objects-invalid', text, cause === undefined ? {} : { cause })
}
