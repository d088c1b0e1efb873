/** Longest piece of a class or of a vault that a message repeats, UTF-16 units. */
const LONGEST = 128

/** Foreign text for a message: one line, of bounded length, nothing that a terminal obeys. */
export function shown(text: string, longest = LONGEST): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text
  return cut.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}

/** An id, which people paste: whole. */
export function shownId(id: string): string {
  return shown(id, 512)
}

/** The same as `shown` in quotation marks, as the old messages have it. */
export function quoted(text: string): string {
  return JSON.stringify(shown(text))
}
