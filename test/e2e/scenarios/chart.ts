/** The chart in the eyes of a real API server. */
import { checkAgainstServer, type Values } from '../../chart/chart.ts'
import type { Scenario } from '../scenario.ts'

const MATRIX: readonly Values[] = [
  {},
  { operationMode: 'managed' },
  { adminsecret: { useMSI: true }, caBundle: { configMap: 'azure-ca' } },
  { mic: { podDisruptionBudget: { minAvailable: 1 } }, rbac: { createUserFacingClusterRoles: true } },
  { networkPolicy: { enabled: true, metricsFrom: [{ namespaceSelector: {} }] } },
  { nmi: { legacyIptables: false, allowNetworkPluginKubenet: true } },
]

const schemas: Scenario = {
  name: 'chart-schemas',
  proves: 'every object of the chart, over a matrix of values, is valid in the strict eyes of the API server',
  smoke: true,
  async run(_place, { kubectl }) {
    for (const values of MATRIX) await checkAgainstServer(kubectl, values)
  },
}

export const CHART: readonly Scenario[] = [schemas]
