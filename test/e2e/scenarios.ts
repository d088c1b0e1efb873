import type { Scenario } from './scenario.ts'
import { ASSIGNMENT } from './scenarios/assignment.ts'
import { BASIC } from './scenarios/basic.ts'
import { BINDINGS } from './scenarios/bindings.ts'
import { FIGURES } from './scenarios/figures.ts'
import { LIFE_CYCLE } from './scenarios/life-cycle.ts'
import { METADATA_ENDPOINT } from './scenarios/metadata-endpoint.ts'
import { NODES } from './scenarios/nodes.ts'
import { OUTAGES } from './scenarios/outages.ts'
import { UPDATES } from './scenarios/updates.ts'
import { WORKLOADS } from './scenarios/workloads.ts'

/** All of them, in the order in which they start. */
export const SCENARIOS: readonly Scenario[] = [
  ...ASSIGNMENT,
  ...BASIC,
  ...BINDINGS,
  ...FIGURES,
  ...METADATA_ENDPOINT,
  ...LIFE_CYCLE,
  ...NODES,
  ...OUTAGES,
  ...UPDATES,
  ...WORKLOADS,
]
