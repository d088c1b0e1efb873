import { quoted } from '../shown.ts'

const VALUES: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False', ''].map((text) => [text, false] as const),
])

/** The text is none of Go's spellings of true and false. */
export class GoBoolError extends Error {
  override readonly name = 'GoBoolError'
}

/**
 * A boolean as Go's `strconv.ParseBool` reads it; blank is false.
 * @throws GoBoolError with Go's own text
 */
export function parseGoBool(text: string): boolean {
  const value = VALUES.get(text.trim())
  if (value !== undefined) return value
  throw new GoBoolError(`strconv.ParseBool: parsing ${quoted(text)}: invalid syntax`)
}
