import * as v from 'valibot'
import type { Clock } from '../../../src/base/clock.ts'
import type { ServiceName } from '../http/exchange.ts'
import { type FaultRule, faultRuleSchema, type Spoiling } from './fault-rule.ts'
import { drawLatency } from './latency.ts'

export interface FaultSubject {
  readonly service: ServiceName
  readonly route: string
  readonly method: string
  readonly target: string
}

/** What happens to one request: a delay, and at most one way to spoil it. */
export interface Spoilt {
  readonly delayMs: number
  readonly spoiling?: Spoiling
  readonly names: readonly string[]
}

interface Held {
  readonly rule: FaultRule
  readonly id: string
  seen: number
  done: number
}

const MOST_RULES = 1_000

/** The rules for faults in force. All delays that match add up; of the other effects the first wins. */
export class FaultTable {
  readonly #clock: Clock
  readonly #held: Held[] = []
  #number = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Adds a rule and returns its id. @throws ValiError when it is malformed. */
  add(rule: FaultRule): string {
    const checked = v.parse(faultRuleSchema, rule)
    if (this.#held.length >= MOST_RULES) throw new RangeError(`more than ${MOST_RULES} faults`)
    this.#number += 1
    const id = checked.id ?? `fault-${this.#number}`
    this.#held.push({ rule: checked, id, seen: 0, done: 0 })
    return id
  }

  remove(id: string): boolean {
    const at = this.#held.findIndex((held) => held.id === id)
    if (at >= 0) this.#held.splice(at, 1)
    return at >= 0
  }

  clear(): void {
    this.#held.length = 0
  }

  /** Rules with how often they matched and acted. */
  list(): { id: string; rule: FaultRule; seen: number; done: number }[] {
    return this.#held.map((held) => ({ ...held }))
  }

  /** Decides for one request and uses up the counts of what acts. */
  draw(subject: FaultSubject): Spoilt {
    let delayMs = 0
    let spoiling: Spoiling | undefined
    const names: string[] = []
    for (const held of this.#held) {
      if (!matches(held.rule, subject)) continue
      const { effect } = held.rule
      if (effect.kind !== 'latency' && spoiling !== undefined) continue
      if (!this.#acts(held)) continue
      names.push(`${held.id}:${effect.kind}`)
      if (effect.kind === 'latency') delayMs += drawLatency(effect.latency, this.#clock)
      else spoiling = effect
    }
    return spoiling === undefined ? { delayMs, names } : { delayMs, spoiling, names }
  }

  #acts(held: Held): boolean {
    held.seen += 1
    const { after = 0, count = Number.POSITIVE_INFINITY, probability = 1 } = held.rule
    if (held.seen <= after || held.done >= count) return false
    if (probability < 1 && this.#clock.random() >= probability) return false
    held.done += 1
    return true
  }
}

function matches(rule: FaultRule, subject: FaultSubject): boolean {
  if (rule.service !== undefined && rule.service !== subject.service) return false
  if (rule.method !== undefined && rule.method.toUpperCase() !== subject.method) return false
  if (rule.target !== undefined && !subject.target.toLowerCase().includes(rule.target.toLowerCase()))
    return false
  return rule.route === undefined || routeMatches(rule.route, subject.route)
}

function routeMatches(pattern: string, route: string): boolean {
  const wanted = pattern.split('*')
  if (wanted.length === 1) return pattern === route
  const parts = wanted.map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('.*')}$`).test(route)
}
