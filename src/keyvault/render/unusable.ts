/**
 * What a vault holds cannot become the file that was asked for. The message says nothing of the content;
 * `renderObject` puts type and name before it.
 */
export class Unusable extends Error {
  override readonly name = 'Unusable'
}

/** Longest foreign word in a message. */
const MOST_SHOWN = 64

/** A word of the vault, such as a content type, as a message may show it. */
export function shown(word: string): string {
  const printable = word.replaceAll(/[^\x20-\x7e]/g, '?')
  return `'${printable.length > MOST_SHOWN ? `${printable.slice(0, MOST_SHOWN)}...` : printable}'`
}
