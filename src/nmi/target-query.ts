/** Query values by lower-case name, or the reason why the query cannot be read. */
export type QueryReading =
  | { readonly values: ReadonlyMap<string, string>; readonly problem?: undefined }
  | { readonly problem: string; readonly values?: undefined }

const MAX_PARAMETERS = 64
const MAX_VALUE_LENGTH = 1024

/** Control, format and line-separating characters: they have no place in an id and can forge a log line. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

const NONE: ReadonlyMap<string, string> = new Map()

/**
 * Reads a query, decoding names and values once (`+` is a blank, as in HTML forms; raw `:` and `/` are
 * fine: old Python SDKs send them). Only the `known` names are kept; others are accepted whatever they
 * hold, since SDKs add new ones (as SDKs and IMDS were recorded). A known name that stands twice is refused: two
 * readers could take two different ones.
 */
export function readQuery(raw: string, known: ReadonlySet<string>): QueryReading {
  if (raw === '') return { values: NONE }
  const parts = raw.split('&')
  if (parts.length > MAX_PARAMETERS)
    return { problem: `the query has more than ${MAX_PARAMETERS} parameters` }
  const values = new Map<string, string>()
  for (const part of parts) {
    const equals = part.indexOf('=')
    const name = decode(equals === -1 ? part : part.slice(0, equals))?.toLowerCase()
    if (name === undefined) return { problem: 'a parameter name has a broken encoding' }
    if (!known.has(name)) continue
    if (values.has(name)) return { problem: `parameter ${name} stands twice` }
    const value = decode(equals === -1 ? '' : part.slice(equals + 1))
    const problem = valueProblem(value)
    if (problem !== undefined) return { problem: `parameter ${name} ${problem}` }
    values.set(name, value ?? '')
  }
  return { values }
}

function valueProblem(value: string | undefined): string | undefined {
  if (value === undefined) return 'has a broken encoding'
  if (value.length > MAX_VALUE_LENGTH) return `is longer than ${MAX_VALUE_LENGTH} characters`
  return UNSEEN.test(value) ? 'holds a control character' : undefined
}

function decode(text: string): string | undefined {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // Broken or overlong UTF-8: the caller says which parameter it was.
    return undefined
  }
}
