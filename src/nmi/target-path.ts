/** A path with exactly one reading, or the reason why it has none or several. */
export type PathReading =
  | { readonly segments: readonly string[]; readonly problem?: undefined }
  | { readonly problem: string; readonly segments?: undefined }

const MAX_SEGMENTS = 16
const MAX_SEGMENT_LENGTH = 64

/** What may stand percent-encoded: characters that mean the same to every reader, however often it decodes. */
const PLAIN = /^[A-Za-z0-9_-]$/

/**
 * Splits the path of a request target into segments, decoding percent-encoding once. Doubled and
 * trailing slashes are dropped, since Java SDKs send `//metadata/...` and the JavaScript one `.../token/`
 * (as SDKs and IMDS were recorded). Everything that two servers could read in two ways is refused: CVE-2022-23551
 * was a backslash that the agent took for a letter and IMDS for a slash.
 */
export function readPath(raw: string): PathReading {
  if (!raw.startsWith('/')) return { problem: 'the path does not start with a slash' }
  if (raw.includes('\\')) return { problem: 'the path holds a backslash' }
  if (raw.includes(';')) return { problem: 'the path holds a semicolon' }
  const decoded = raw.includes('%') ? decodePlain(raw) : raw
  if (decoded === undefined)
    return { problem: 'the path holds an encoded character that has several readings' }
  const segments = decoded.split('/').filter((segment) => segment !== '')
  if (segments.length > MAX_SEGMENTS) return { problem: `the path has more than ${MAX_SEGMENTS} segments` }
  for (const segment of segments) {
    if (/^\.+$/.test(segment)) return { problem: 'the path holds a dot segment' }
    if (segment.length > MAX_SEGMENT_LENGTH) {
      return { problem: `a path segment is longer than ${MAX_SEGMENT_LENGTH} characters` }
    }
  }
  return { segments }
}

/** Decodes `%41` and the like; undefined for a broken encoding and for any character that is not plain. */
function decodePlain(raw: string): string | undefined {
  let clean = true
  const decoded = raw.replaceAll(/%([0-9A-Fa-f]{2})?/g, (_, hex: string | undefined) => {
    const character = hex === undefined ? '' : String.fromCharCode(Number.parseInt(hex, 16))
    if (!PLAIN.test(character)) clean = false
    return character
  })
  return clean ? decoded : undefined
}
