import type { Scenario } from './scenario.ts'
import { BASIC } from './scenarios/basic.ts'
import { BINDINGS } from './scenarios/bindings.ts'
import { FIGURES } from './scenarios/figures.ts'
import { NODES } from './scenarios/nodes.ts'
import { WORKLOADS } from './scenarios/workloads.ts'

/** All of them, in the order in which they start. */
export const SCENARIOS: readonly Scenario[] = [...BASIC, ...BINDINGS, ...FIGURES, ...NODES, ...WORKLOADS]
