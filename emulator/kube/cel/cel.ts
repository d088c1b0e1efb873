/**
 * The part of CEL that rules about single objects are mostly made of: `self` and `oldSelf`, fields, elements,
 * `has`, literals and lists of them, comparisons, `in`, `!`, `&&`, `||`, `?:`, `size` and the questions to texts.
 * No arithmetic, no macros over lists, no times, no other library.
 */
import { noOverload, UnreadableCel } from './cel-errors.ts'
import {
  type Expression,
  elementOf,
  fieldOf,
  hasField,
  logic,
  RELATIONS,
  size,
  TEXT_METHODS,
  truth,
} from './operators.ts'
import { re2 } from './re2.ts'
import { type Token, tokens } from './tokens.ts'

export interface CelProgram {
  readonly evaluate: Expression
  readonly usesOldSelf: boolean
}

/** @throws UnreadableCel for more than the part of CEL above. */
export function compileCel(source: string): CelProgram {
  const parser = new Parser(tokens(source))
  return { evaluate: parser.whole(), usesOldSelf: parser.usesOldSelf }
}

/** Deeper than anybody writes it. */
const DEEPEST = 100

const CONSTANTS: Readonly<Record<string, unknown>> = { true: true, false: false, null: null }

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0
  usesOldSelf = false

  constructor(words: readonly Token[]) {
    this.#tokens = words
  }

  whole(): Expression {
    const expression = this.#expression()
    if (this.#next.kind !== 'end') this.#refuse()
    return expression
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '' }
  }

  #refuse(): never {
    throw new UnreadableCel(`not read: ${this.#next.text}`)
  }

  /** Takes the next word if it is this one. A literal has its quotes in its text, so it is never mistaken. */
  #take(text: string): boolean {
    if (this.#next.text !== text) return false
    this.#at += 1
    return true
  }

  #demand(text: string): void {
    if (!this.#take(text)) this.#refuse()
  }

  #name(): string {
    const { kind, text } = this.#next
    // A name between underscores stands for one that CEL could not say.
    if (kind !== 'name' || text.startsWith('__')) this.#refuse()
    this.#at += 1
    return text
  }

  #expression(): Expression {
    this.#depth += 1
    if (this.#depth > DEEPEST) this.#refuse()
    const condition = this.#chain('||', () => this.#chain('&&', () => this.#relation()))
    if (!this.#take('?')) {
      this.#depth -= 1
      return condition
    }
    const yes = this.#expression()
    this.#demand(':')
    const no = this.#expression()
    this.#depth -= 1
    return (scope) => (truth(condition(scope)) ? yes(scope) : no(scope))
  }

  #chain(sign: '||' | '&&', operand: () => Expression): Expression {
    const first = operand()
    const operands = [first]
    while (this.#take(sign)) operands.push(operand())
    return operands.length === 1 ? first : logic(operands, sign === '||')
  }

  #relation(): Expression {
    let left = this.#unary()
    for (;;) {
      const { text } = this.#next
      const relation = Object.hasOwn(RELATIONS, text) ? RELATIONS[text] : undefined
      if (relation === undefined) return left
      this.#at += 1
      const [a, b] = [left, this.#unary()]
      left = (scope) => relation(a(scope), b(scope))
    }
  }

  #unary(): Expression {
    if (this.#take('!')) {
      const operand = this.#unary()
      return (scope) => !truth(operand(scope))
    }
    if (!this.#take('-')) return this.#member(this.#primary())
    const { value } = this.#next
    if (typeof value !== 'number') this.#refuse()
    this.#at += 1
    return () => -value
  }

  #member(start: Expression): Expression {
    let whole = start
    for (;;) {
      const of = whole
      if (this.#take('.')) {
        const name = this.#name()
        whole = this.#take('(') ? this.#method(of, name) : (scope) => fieldOf(of(scope), name)
      } else if (this.#take('[')) {
        const key = this.#expression()
        this.#demand(']')
        whole = (scope) => elementOf(of(scope), key(scope))
      } else return whole
    }
  }

  #primary(): Expression {
    const { kind, text, value } = this.#next
    if (kind === 'literal') {
      this.#at += 1
      return () => value
    }
    if (this.#take('(')) {
      const inner = this.#expression()
      this.#demand(')')
      return inner
    }
    if (this.#take('[')) return this.#list()
    if (Object.hasOwn(CONSTANTS, text)) {
      this.#at += 1
      return () => CONSTANTS[text]
    }
    return this.#named(this.#name())
  }

  #list(): Expression {
    const elements: Expression[] = []
    while (!this.#take(']')) {
      elements.push(this.#expression())
      if (this.#next.text !== ']') this.#demand(',')
    }
    return (scope) => elements.map((each) => each(scope))
  }

  #named(name: string): Expression {
    if (name === 'self') return (scope) => scope.self
    if (name === 'oldSelf') {
      this.usesOldSelf = true
      return (scope) => scope.oldSelf
    }
    if (!this.#take('(')) this.#refuse()
    if (name === 'has') return this.#has()
    if (name !== 'size') this.#refuse()
    const of = this.#expression()
    this.#demand(')')
    return (scope) => size(of(scope))
  }

  /** `has(a.b.c)`: whether a.b has a c; a.b has to be there. */
  #has(): Expression {
    let of = this.#primary()
    this.#demand('.')
    for (let name = this.#name(); ; name = this.#name()) {
      const [holder, field] = [of, name]
      if (this.#take(')')) return (scope) => hasField(holder(scope), field)
      this.#demand('.')
      of = (scope) => fieldOf(holder(scope), field)
    }
  }

  #method(of: Expression, name: string): Expression {
    if (name === 'size') {
      this.#demand(')')
      return (scope) => size(of(scope))
    }
    if (name === 'matches') return this.#matches(of)
    const method = Object.hasOwn(TEXT_METHODS, name) ? TEXT_METHODS[name] : undefined
    if (method === undefined) this.#refuse()
    const part = this.#expression()
    this.#demand(')')
    return (scope) => method(of(scope), part(scope))
  }

  /** Only with a pattern that is written down: one that comes from the object may have any syntax of RE2. */
  #matches(of: Expression): Expression {
    const { value } = this.#next
    const pattern = typeof value === 'string' ? re2(value) : undefined
    if (pattern === undefined) this.#refuse()
    this.#at += 1
    this.#demand(')')
    return (scope) => matched(of(scope), pattern)
  }
}

function matched(text: unknown, pattern: RegExp): boolean {
  return typeof text === 'string' ? pattern.test(text) : noOverload()
}
