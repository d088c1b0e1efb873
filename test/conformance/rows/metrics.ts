import { type Row, section } from '../row.ts'

const { same, differs } = section(9, 'metric')
const METRICS = 'test/conformance/metrics.test.ts'

export const METRICS_ROWS: readonly Row[] = [
  same('every histogram and counter is there under its name and type', [
    METRICS,
    'every metric of AAD Pod Identity is there under its name, type and labels',
  ]),
  same('buckets of calls to Azure and of token requests', [
    METRICS,
    'the buckets of AAD Pod Identity are kept',
  ]),
  differs(
    'the buckets of NMI’s operations begin at 0.5 s',
    [METRICS, 'the buckets of NMI’s operations are kept, with finer ones below'],
    'metric-buckets',
  ),
  same('operation_type of token requests: adal_token_msi, adal_token_msi_userassignedid, adal_token', [
    'src/tokens/measured.test.ts',
    'every exchange is counted under the upstream and the old operation of its principal',
  ]),
  same('operation_type of calls to ARM: vmss_get, vmss_update, vm_get, vm_update', [
    'test/integration/arm-client.test.ts',
    'each exchange is told for itself, and the budget ends them',
  ]),
  differs(
    'a call to ARM is timed with its asynchronous operation as one',
    ['test/integration/arm-client.test.ts', 'each exchange is told for itself, and the budget ends them'],
    'metric-meanings',
  ),
  differs(
    'a cycle of MIC is one pass over the cluster',
    [METRICS, 'a cycle is one pass over one VM or scale set'],
    'metric-meanings',
  ),
  same('labels of NMI’s operations: operation_type (the path), status_code, namespace, resource', [
    'test/integration/nmi-tokens.test.ts',
    'metrics carry the old name and labels with bounded values',
  ]),
  differs(
    'values of namespace and resource are whatever was asked',
    [
      'src/telemetry/nmi-metrics.test.ts',
      'a resource that was refused is never a new value, one that was granted stays known',
    ],
    'metric-labels',
  ),
  same('operation_type of failed reads: get_pod_list and get_secret', [
    'test/conformance/nmi-reads.test.ts',
    'failed reads of pods and Secrets are counted under the old operations',
  ]),
  differs(
    'there are no other metrics',
    [METRICS, 'new metrics begin with podid_ and those of the process'],
    'new-metrics',
  ),
]
