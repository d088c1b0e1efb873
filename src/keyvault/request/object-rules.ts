import { quoted, shown } from '../shown.ts'
import type { ObjectType, WantedObject } from '../wanted-object.ts'
import { filePath } from './file-names.ts'
import { filePathProblem } from './file-path.ts'
import { GoBoolError, parseGoBool } from './go-bool.ts'

/** Fields of an object as they stand in the class, trimmed; the history is a number already. */
export interface ObjectFields {
  readonly objectName: string
  readonly objectType: string
  readonly objectAlias: string
  readonly objectVersion: string
  readonly objectVersionHistory: number
  readonly objectFormat: string
  readonly objectEncoding: string
  readonly filePermission: string
  readonly optional: string
}

/** An object breaks a rule; the message says which field. */
export class ObjectRuleError extends Error {
  override readonly name = 'ObjectRuleError'
}

const MOST_VERSIONS = 100
const LATEST = 'latest'

/**
 * Fields to a checked object: name and version cannot lead elsewhere in the vault's paths, file names are such as the
 * CSI driver writes.
 * @param defaultMode permission bits of an object that says none
 * @throws ObjectRuleError, with the old provider's texts where it had one
 */
export function wantedObject(fields: ObjectFields, defaultMode: number): WantedObject {
  const format = formatOf(fields)
  const encoding = encodingOf(fields)
  const path = pathOf(fields)
  const type = typeOf(fields.objectType)
  return {
    type,
    name: nameOf(fields.objectName),
    path,
    version: versionOf(fields.objectVersion),
    history: Math.max(1, fields.objectVersionHistory),
    format,
    encoding,
    mode: modeOf(fields.filePermission, defaultMode),
    optional: optionalOf(fields.optional),
  }
}

function formatOf({ objectFormat, objectType }: ObjectFields): WantedObject['format'] {
  const format = objectFormat.toLowerCase()
  if (format === '' || format === 'pem') return 'pem'
  if (format !== 'pfx')
    throw new ObjectRuleError(`invalid objectFormat: ${shown(objectFormat)}, should be PEM or PFX`)
  // Whatever its case: the old provider looked at "pfx" alone and mounted PEM for the others.
  if (objectType !== 'secret') throw new ObjectRuleError('PFX format only supported for objectType: secret')
  return 'pfx'
}

function encodingOf({ objectEncoding, objectType }: ObjectFields): WantedObject['encoding'] {
  if (objectEncoding === '') return 'utf-8'
  if (objectType !== 'secret')
    throw new ObjectRuleError('objectEncoding only supported for objectType: secret')
  const encoding = objectEncoding.toLowerCase()
  if (encoding === 'hex' || encoding === 'base64' || encoding === 'utf-8') return encoding
  throw new ObjectRuleError(
    `invalid objectEncoding: ${shown(objectEncoding)}, should be hex, base64 or utf-8`,
  )
}

function pathOf({ objectAlias, objectName, objectVersionHistory: history }: ObjectFields): string {
  if (history > MOST_VERSIONS)
    throw new ObjectRuleError(`objectVersionHistory must not be more than ${MOST_VERSIONS}`)
  const path = objectAlias || objectName
  const longest = filePath({ path }, history > 1 ? history - 1 : undefined)
  const problem = path === '' ? filePathProblem(path) : filePathProblem(longest)
  if (problem === undefined) return path
  throw new ObjectRuleError(`${problem} (${objectAlias === '' ? 'objectName' : 'objectAlias'})`)
}

function typeOf(type: string): ObjectType {
  if (type === 'secret' || type === 'key' || type === 'cert') return type
  throw new ObjectRuleError('Invalid vaultObjectTypes. Should be secret, key, or cert (objectType)')
}

/** Key Vault's rule for names. */
function nameOf(name: string): string {
  if (name === '') throw new ObjectRuleError('objectName is not provided')
  if (/^[\dA-Za-z-]{1,127}$/.test(name)) return name
  throw new ObjectRuleError('objectName must match [0-9a-zA-Z-]{1,127}')
}

/** Key Vault's versions are 32 hexadecimal digits; its newest has no name of its own. */
function versionOf(version: string): string {
  if (version.toLowerCase() === LATEST) return ''
  if (version === '' || /^[\dA-Za-z]{1,64}$/.test(version)) return version
  throw new ObjectRuleError(`objectVersion must be empty, ${LATEST} or match [0-9a-zA-Z]{1,64}`)
}

function modeOf(permission: string, defaultMode: number): number {
  if (permission === '') return defaultMode
  if (/^0{0,8}[0-7]{1,3}$/.test(permission)) return Number.parseInt(permission, 8)
  throw new ObjectRuleError(
    `file permission must be a valid octal number: filePermission ${quoted(permission)} is not one from 0 to 0777`,
  )
}

function optionalOf(text: string): boolean {
  try {
    return parseGoBool(text)
  } catch (thrown) {
    if (!(thrown instanceof GoBoolError)) throw thrown
    throw new ObjectRuleError(`failed to parse optional flag, error: ${thrown.message}`)
  }
}
