import type { Scenario } from './scenario.ts'
import { BASIC } from './scenarios/basic.ts'
import { BINDINGS } from './scenarios/bindings.ts'
import { FIGURES } from './scenarios/figures.ts'
import { METADATA_ENDPOINT } from './scenarios/metadata-endpoint.ts'
import { NODES } from './scenarios/nodes.ts'
import { OUTAGES } from './scenarios/outages.ts'
import { UPDATES } from './scenarios/updates.ts'
import { WORKLOADS } from './scenarios/workloads.ts'

/** All of them, in the order in which they start. */
export const SCENARIOS: readonly Scenario[] = [
  ...BASIC,
  ...BINDINGS,
  ...FIGURES,
  ...METADATA_ENDPOINT,
  ...NODES,
  ...OUTAGES,
  ...UPDATES,
  ...WORKLOADS,
]
