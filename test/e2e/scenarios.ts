import type { Scenario } from './scenario.ts'
import { ADDRESSES } from './scenarios/addresses.ts'
import { API_SERVER } from './scenarios/api-server.ts'
import { ASSIGNMENT } from './scenarios/assignment.ts'
import { BASIC } from './scenarios/basic.ts'
import { BINDINGS } from './scenarios/bindings.ts'
import { BURSTS } from './scenarios/bursts.ts'
import { CHART } from './scenarios/chart.ts'
import { CLIENT_SCENARIOS } from './scenarios/clients.ts'
import { COMPONENTS } from './scenarios/components.ts'
import { FIGURES } from './scenarios/figures.ts'
import { IDENTITIES_KEPT } from './scenarios/identities-kept.ts'
import { KEYVAULT_EXAMPLE } from './scenarios/keyvault-example.ts'
import { KEYVAULT_FILES } from './scenarios/keyvault-files.ts'
import { KEYVAULT_IDENTITIES, KEYVAULT_NODE_IDENTITY } from './scenarios/keyvault-identities.ts'
import { KEYVAULT_MIGRATION } from './scenarios/keyvault-migration.ts'
import { KEYVAULT_OUTAGES } from './scenarios/keyvault-outages.ts'
import { KEYVAULT_REFUSALS } from './scenarios/keyvault-refusals.ts'
import { KEYVAULT_ROTATION } from './scenarios/keyvault-rotation.ts'
import { KEYVAULT_SYNC } from './scenarios/keyvault-sync.ts'
import { LIFE_CYCLE } from './scenarios/life-cycle.ts'
import { MANAGED_MODE } from './scenarios/managed-mode.ts'
import { MESHES } from './scenarios/meshes.ts'
import { METADATA_ENDPOINT } from './scenarios/metadata-endpoint.ts'
import { MIGRATION } from './scenarios/migration.ts'
import { NETWORK_POLICIES } from './scenarios/network-policies.ts'
import { NEW_NODES } from './scenarios/new-nodes.ts'
import { NODES } from './scenarios/nodes.ts'
import { OUTAGES } from './scenarios/outages.ts'
import { PLACEMENT } from './scenarios/placement.ts'
import { PRIVILEGES } from './scenarios/privileges.ts'
import { RETRIES } from './scenarios/retries.ts'
import { RIGHTS } from './scenarios/rights.ts'
import { SERVICE_PRINCIPAL } from './scenarios/service-principal.ts'
import { SPOOFING } from './scenarios/spoofing.ts'
import { UPDATES } from './scenarios/updates.ts'
import { WORKLOADS } from './scenarios/workloads.ts'

/** All of them, in the order in which they start. */
export const SCENARIOS: readonly Scenario[] = [
  ...ADDRESSES,
  ...API_SERVER,
  ...ASSIGNMENT,
  ...BASIC,
  ...BINDINGS,
  ...BURSTS,
  ...CLIENT_SCENARIOS,
  ...COMPONENTS,
  ...CHART,
  ...FIGURES,
  ...IDENTITIES_KEPT,
  ...MANAGED_MODE,
  ...MESHES,
  ...METADATA_ENDPOINT,
  ...LIFE_CYCLE,
  ...MIGRATION,
  ...NEW_NODES,
  ...NETWORK_POLICIES,
  ...NODES,
  ...OUTAGES,
  ...PLACEMENT,
  ...PRIVILEGES,
  ...RETRIES,
  ...RIGHTS,
  ...SERVICE_PRINCIPAL,
  ...SPOOFING,
  ...UPDATES,
  ...WORKLOADS,
  ...KEYVAULT_FILES,
  ...KEYVAULT_SYNC,
  ...KEYVAULT_ROTATION,
  ...KEYVAULT_IDENTITIES,
  ...KEYVAULT_REFUSALS,
  ...KEYVAULT_EXAMPLE,
  ...KEYVAULT_OUTAGES,
  ...KEYVAULT_NODE_IDENTITY,
  ...KEYVAULT_MIGRATION,
]
