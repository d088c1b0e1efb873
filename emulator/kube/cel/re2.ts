/** Classes that RE2 keeps to ASCII, as members of a bracket. */
const SPACES = '\\t\\n\\f\\r '

const PART = /\\p\{[^}]*\}|\\x[0-9a-fA-F]{2}|\\[\s\S]|\[\^?\]?|\(\?:?|[\s\S]/giu

/** What is written otherwise: outside of brackets, and within. */
const SPELLINGS: Readonly<Record<string, readonly [string, string | undefined]>> = {
  '\\s': [`[${SPACES}]`, SPACES],
  '\\S': [`[^${SPACES}]`, undefined],
  '\\-': ['-', '\\-'],
}

/** Escapes that mean the same in both. */
const SHARED = /^\\(?:[dDtnrfv]|[pP]\{|x[0-9a-fA-F]{2}|[\^$\\.*+?()[\]{}|/])/

/**
 * A pattern of RE2, as CEL and schemas write it, as a regular expression with the same meaning.
 * @returns undefined for what is not common to both.
 */
export function re2(source: string): RegExp | undefined {
  // What would become the end of a range that nobody wrote.
  if (source.includes('\\s-')) return undefined
  const [lead = '', flags = ''] = /^\(\?([is]+)\)/.exec(source) ?? []
  const walk: Walk = { inClass: false, flags }
  const parts = source.slice(lead.length).match(PART) ?? []
  const translated = parts.map((each) => translate(each, walk))
  if (translated.includes(undefined)) return undefined
  try {
    return new RegExp(translated.join(''), [...new Set(`${flags}u`)].join(''))
  } catch {
    return undefined
  }
}

interface Walk {
  inClass: boolean
  readonly flags: string
}

function translate(part: string, walk: Walk): string | undefined {
  if (part.startsWith('\\')) return translateEscape(part, walk)
  if (walk.inClass) {
    // A bracket inside one may be a class of POSIX.
    if (part.startsWith('[')) return undefined
    if (part === ']') walk.inClass = false
    return part
  }
  if (part.startsWith('[')) {
    walk.inClass = true
    return part.endsWith(']') ? undefined : part
  }
  if (part === '(?') return undefined
  return part === '.' && !walk.flags.includes('s') ? '[^\\n]' : part
}

function translateEscape(part: string, walk: Walk): string | undefined {
  const spelling = SPELLINGS[part]
  if (spelling !== undefined) return spelling[walk.inClass ? 1 : 0]
  // Without regard to case, JavaScript has letters beyond ASCII among those of words.
  if (/^\\[wWbB]$/.test(part)) return walk.flags.includes('i') || walk.inClass ? undefined : part
  if (SHARED.test(part)) return part
  return /^\\[!"#%&',:;<=>@_`~ ]$/.test(part) ? part.slice(1) : undefined
}
