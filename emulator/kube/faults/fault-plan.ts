import type { Clock } from '../../../src/base/clock.ts'
import type { Fault, FaultAction, FaultMatch } from './fault.ts'

/** The request as faults see it. */
export interface FaultTarget {
  readonly verb: string
  readonly resource: string
  readonly namespace: string
  readonly name: string
  readonly subresource: string
  readonly user: string
}

interface Planned {
  readonly fault: Fault
  left: number
}

/** The faults that are in force, oldest first; the first that matches and strikes decides. */
export class FaultPlan {
  readonly #clock: Clock
  #planned: Planned[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns takes the fault back. */
  add(fault: Fault): () => void {
    const planned = { fault, left: fault.count ?? Number.POSITIVE_INFINITY }
    this.#planned.push(planned)
    return () => {
      this.#planned = this.#planned.filter((each) => each !== planned)
    }
  }

  clear(): void {
    this.#planned = []
  }

  list(): readonly Fault[] {
    return this.#planned.map((each) => each.fault)
  }

  /** The action for a request, undefined when it is spared. */
  strike(target: FaultTarget): FaultAction | undefined {
    for (const planned of this.#planned) {
      const { match, probability = 1, action } = planned.fault
      if (!hits(match, target) || this.#clock.random() >= probability) continue
      planned.left -= 1
      if (planned.left <= 0) this.#planned = this.#planned.filter((each) => each !== planned)
      return action
    }
    return undefined
  }
}

function hits(match: FaultMatch, target: FaultTarget): boolean {
  return (Object.keys(match) as (keyof FaultMatch)[]).every((key) => match[key] === target[key])
}
