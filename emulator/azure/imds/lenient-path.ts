/** Paths of IMDS that hand out tokens or credentials. */
const CREDENTIAL_PATHS: ReadonlyMap<string, string> = new Map([
  ['metadata/identity/oauth2/token', 'token'],
  ['metadata/identity/getplatformmetadata', 'getplatformmetadata'],
  ['metadata/identity/issuecredential', 'issuecredential'],
  ['metadata/identity/credential', 'credential'],
])

export interface PathReading {
  /** Segments joined by one slash, without a slash at the ends. */
  readonly path: string
  /** A credential path, written in the one plain way that SDKs use. */
  readonly plain: boolean
  /** Last part of a credential path, when any reading of the target reaches one. */
  readonly credential?: string
}

const MOST_DECODINGS = 6

/**
 * Reads a request target as generously as the worst host might: percent-decoding again and again,
 * backslashes as slashes, any case, doubled slashes, dot segments, path parameters after semicolons,
 * control characters and blanks dropped, absolute form. CVE-2022-23551 lived on such readings.
 */
export function readLeniently(target: string): PathReading {
  const path = pathPart(target)
  const plain = readStrictly(target).credential !== undefined
  const readings = new Set<string>()
  for (const text of decodings(path)) {
    readings.add(fold(text))
    readings.add(fold(text.replaceAll(/;[^/\\]*/g, '')))
    readings.add(fold(text.split(';')[0] ?? ''))
    readings.add(fold(text.split(/[?#]/)[0] ?? ''))
  }
  const reached = [...readings].find((reading) => CREDENTIAL_PATHS.has(reading))
  const credential = CREDENTIAL_PATHS.get(reached ?? '')
  if (credential === undefined) return { path: [...readings].at(-1) ?? '', plain }
  return { path: reached ?? '', plain, credential }
}

/** Reads a request target literally; one trailing slash does not matter. */
export function readStrictly(target: string): PathReading {
  const text = target.split('?')[0] ?? ''
  const path = text.replace(/^\//, '').replace(/\/$/, '')
  const credential = text.startsWith('/') ? CREDENTIAL_PATHS.get(path) : undefined
  return credential === undefined ? { path, plain: false } : { path, plain: true, credential }
}

function pathPart(target: string): string {
  const absolute = /^[a-z][a-z0-9+.-]*:[/\\]{2}[^/\\?#]*/i.exec(target)
  const rest = absolute === null ? target : target.slice(absolute[0].length)
  return rest.split('?')[0] ?? ''
}

/** The text and what it becomes by decoding it up to six times. */
function decodings(text: string): string[] {
  const all = [text]
  let current = text
  for (let turn = 0; turn < MOST_DECODINGS; turn += 1) {
    const next = decodeOnce(current)
    if (next === current) break
    all.push(next)
    current = next
  }
  return all
}

/** Also takes IIS's `%u002f` and over-long UTF-8 of slash, backslash and dot. */
function decodeOnce(text: string): string {
  return text
    .replaceAll(/%c0%af|%e0%80%af|%c1%9c/gi, '/')
    .replaceAll(/%c0%ae|%e0%80%ae/gi, '.')
    .replaceAll(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Lower case, one kind of slash, no blanks or control characters, dot segments resolved. */
function fold(text: string): string {
  const folded = text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\p{Cc}\s]/gu, '')
    .replaceAll('\\', '/')
  const segments: string[] = []
  for (const segment of folded.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return segments.join('/')
}
