/**
 * The text without the characters of `ends` at its end. A pattern such as `/\/+$/` takes quadratic time on a text that
 * a stranger wrote: it starts anew at each of the characters that are not at the end.
 */
export function trimEnd(text: string, ends: string): string {
  let length = text.length
  while (length > 0 && ends.includes(text.charAt(length - 1))) length -= 1
  return text.slice(0, length)
}
