import { inspect } from 'node:util'

const HIDDEN = '[secret]'

/**
 * A string that does not print: not by a template, JSON, console or a logger. `reveal` is the only way
 * to its text, so every use of a secret can be found by that name.
 */
export class SecretString {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  get length(): number {
    return this.#text.length
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}
