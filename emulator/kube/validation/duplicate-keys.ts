/**
 * Paths of object keys that a JSON text repeats, such as `data.a`, in the order in which they come. The text
 * must be valid JSON.
 */
export function duplicateKeys(text: string): readonly string[] {
  const scanner = new Scanner(text)
  scanner.value('')
  return [...scanner.repeated]
}

const STRING = /"(?:[^"\\]|\\.)*"/y
const PLAIN = /[^\s,\]}]+/y
const SPACE = /[\s,:]*/y

class Scanner {
  readonly repeated = new Set<string>()
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(path: string): void {
    this.#take(SPACE)
    const start = this.#text[this.#at]
    if (start === '{') this.#fields(path)
    else if (start === '[') this.#items(path)
    else if (start === '"') this.#take(STRING)
    else this.#take(PLAIN)
  }

  #fields(path: string): void {
    const seen = new Set<string>()
    this.#at += 1
    for (this.#take(SPACE); this.#text[this.#at] === '"'; this.#take(SPACE)) {
      const key = JSON.parse(this.#take(STRING)) as string
      const place = path === '' ? key : `${path}.${key}`
      if (seen.has(key)) this.repeated.add(place)
      seen.add(key)
      this.value(place)
    }
    this.#at += 1
  }

  #items(path: string): void {
    this.#at += 1
    let index = 0
    for (this.#take(SPACE); this.#at < this.#text.length && this.#text[this.#at] !== ']'; this.#take(SPACE)) {
      this.value(`${path}[${index}]`)
      index += 1
    }
    this.#at += 1
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }
}
