import type { Row } from './row.ts'
import { CHART } from './rows/chart.ts'
import { FLAGS_ROWS } from './rows/flags.ts'
import { KEYVAULT } from './rows/keyvault.ts'
import { KEYVAULT_SCENARIOS } from './rows/keyvault-scenarios.ts'
import { METRICS_ROWS } from './rows/metrics.ts'
import { MIC } from './rows/mic.ts'
import { NMI_DOORS } from './rows/nmi-doors.ts'
import { NMI_CHOICE, NMI_TOKENS } from './rows/nmi-identities.ts'
import { NODE } from './rows/node.ts'
import { RESOURCES } from './rows/resources.ts'
import { SCENARIOS, WEAKNESSES } from './rows/scenarios.ts'

/** Every fact about AAD Pod Identity 1.8 and the Azure Key Vault Provider 1.8 that podid has an answer to. */
export const TABLE: readonly Row[] = [
  ...RESOURCES,
  ...NMI_DOORS,
  ...NMI_CHOICE,
  ...NMI_TOKENS,
  ...NODE,
  ...MIC,
  ...FLAGS_ROWS,
  ...CHART,
  ...METRICS_ROWS,
  ...SCENARIOS,
  ...WEAKNESSES,
  ...KEYVAULT,
  ...KEYVAULT_SCENARIOS,
]
