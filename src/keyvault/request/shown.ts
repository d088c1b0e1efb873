/** Longest piece of a class that a message repeats, UTF-16 units. */
const LONGEST = 128

/** Text of a class for a message: one line, of bounded length, nothing that a terminal obeys. */
export function shown(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return cut.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}

/** The same in quotation marks, as the old messages have it. */
export function quoted(text: string): string {
  return JSON.stringify(shown(text))
}
