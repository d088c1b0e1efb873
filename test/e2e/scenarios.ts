import type { Scenario } from './scenario.ts'
import { BASIC } from './scenarios/basic.ts'
import { BINDINGS } from './scenarios/bindings.ts'
import { FIGURES } from './scenarios/figures.ts'

/** All of them, in the order in which they start. */
export const SCENARIOS: readonly Scenario[] = [...BASIC, ...BINDINGS, ...FIGURES]
