import type { Scenario } from './scenario.ts'
import { BASIC } from './scenarios/basic.ts'

/** All of them, in the order in which they start. */
export const SCENARIOS: readonly Scenario[] = [...BASIC]
