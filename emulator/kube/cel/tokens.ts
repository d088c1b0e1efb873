import { UnreadableCel } from './cel-errors.ts'

/** A word of an expression. Literals carry their value; the end has an empty text. */
export interface Token {
  readonly kind: 'literal' | 'name' | 'sign' | 'end'
  readonly text: string
  readonly value?: string | number
}

const SPACE = /(?:\s|\/\/[^\n]*)*/y
const WORD = new RegExp(
  [
    /[rR](?:'(?<rawSingle>[^'\n\r]*)'|"(?<rawDouble>[^"\n\r]*)")/,
    /'(?<single>(?:[^'\\\n\r]|\\.)*)'|"(?<double>(?:[^"\\\n\r]|\\.)*)"/,
    /(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))/,
    /(?<name>[A-Za-z_]\w*)/,
    /&&|\|\||[=!<>]=|[!<>?:.,()[\]-]/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'y',
)

/** @throws UnreadableCel for what is no word, or one that is not read here. */
export function tokens(source: string): readonly Token[] {
  const found: Token[] = []
  let at = skipped(source, 0)
  while (at < source.length) {
    WORD.lastIndex = at
    const match = WORD.exec(source)
    if (match === null) throw new UnreadableCel(`not read: ${source.slice(at, at + 20)}`)
    found.push(tokenOf(match))
    at = skipped(source, WORD.lastIndex)
  }
  return [...found, { kind: 'end', text: '' }]
}

function skipped(source: string, at: number): number {
  SPACE.lastIndex = at
  SPACE.exec(source)
  return SPACE.lastIndex
}

function tokenOf(match: RegExpExecArray): Token {
  const [text] = match
  const { rawSingle, rawDouble, single, double, number, name } = match.groups ?? {}
  const raw = rawSingle ?? rawDouble
  if (raw !== undefined) return { kind: 'literal', text, value: raw }
  const quoted = single ?? double
  if (quoted !== undefined) return { kind: 'literal', text, value: unescaped(quoted) }
  if (number !== undefined) return { kind: 'literal', text, value: Number(number) }
  return { kind: name === undefined ? 'sign' : 'name', text }
}

const MEANT: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
}

function unescaped(body: string): string {
  return body.replaceAll(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))/gs,
    (whole, byte: string | undefined, unit: string | undefined, mark: string | undefined) => {
      const code = byte ?? unit
      if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16))
      const meant = MEANT[mark ?? '']
      if (meant === undefined) throw new UnreadableCel(`not read: ${whole}`)
      return meant
    },
  )
}
