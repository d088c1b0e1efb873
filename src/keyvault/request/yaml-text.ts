import { Composer, type Document, Lexer, LineCounter, type ParsedNode, Parser } from 'yaml'
import { shown } from '../shown.ts'

/** UTF-16 units of `objects`. */
const LONGEST = 512 * 1024
/**
 * Pieces of YAML in one class. The parser takes up to 1.3 KiB and 10 microseconds for each piece (a bracket is one),
 * so the length of a text alone would not keep it from taking all memory of the node agent.
 */
const MOST_PIECES = 40_000
const MOST_PIECES_OF_ONE = 12_000

/** Why a text is no YAML. */
export class YamlTextError extends Error {
  override readonly name = 'YamlTextError'
}

/** The first document of a text: undefined when there is nothing in it. @throws YamlTextError */
export type YamlReader = (text: string) => ParsedNode | undefined

/**
 * Reads the texts of one class, bounded together. Every scalar is text (the failsafe schema): `0755` stays `0755`, and a
 * version of digits alone is no number. Aliases are nodes of their own and never followed; repeated keys are left
 * to the reader of a mapping, since the parser compares each with each.
 */
export function createYamlReader(): YamlReader {
  let left = MOST_PIECES

  function* documents(text: string, lines: LineCounter): Generator<Document.Parsed> {
    const parser = new Parser(lines.addNewLine)
    const composer = new Composer({
      schema: 'failsafe',
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'silent',
    })
    const least = Math.max(0, left - MOST_PIECES_OF_ONE)
    for (const piece of new Lexer().lex(text)) {
      left -= 1
      if (left < least) throw new YamlTextError('it has too many parts')
      for (const token of parser.next(piece)) yield* composer.next(token)
    }
    for (const token of parser.end()) yield* composer.next(token)
    yield* composer.end(true, text.length)
  }

  return (text) => {
    if (text.length > LONGEST) throw new YamlTextError(`longer than ${LONGEST} characters`)
    const lines = new LineCounter()
    lines.addNewLine(0)
    const document = firstOf(documents(text, lines))
    const [error] = document.errors
    if (error === undefined) return document.contents ?? undefined
    throw new YamlTextError(`line ${lines.linePos(error.pos[0]).line}: ${shown(error.message)}`)
  }
}

/** What stands behind a second `---` is ignored, as the old provider did. */
function firstOf(documents: Iterable<Document.Parsed>): Document.Parsed {
  try {
    for (const document of documents) return document
  } catch (thrown) {
    if (thrown instanceof YamlTextError) throw thrown
    // Whatever the parser trips over is a text that it cannot read.
    throw new YamlTextError('it cannot be parsed', { cause: thrown })
  }
  throw new YamlTextError('it holds no document')
}
