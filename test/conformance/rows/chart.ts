import { type Row, section } from '../row.ts'

const { later } = section(8, 'chart')
const NO_CHART = 'the chart has its CRDs only; its templates and values come with the installation'

export const CHART: readonly Row[] = [
  later(
    'global values: names, image, forceNamespaced, operationMode, customUserAgent, azureIdentities',
    NO_CHART,
  ),
  later('adminsecret fills the environment of MIC', NO_CHART),
  later(
    'rbac values; NMI may read pods and the custom resources, and Secrets with allowAccessToSecrets',
    NO_CHART,
  ),
  later('installMICException makes the exceptions mic and aks-addon-exception', NO_CHART),
  later('values of mic: replicas, resources, placement, leader election, probes, flags', NO_CHART),
  later('values of nmi: resources, update strategy, tolerations, probes, flags', NO_CHART),
  later('the pod of NMI: host network, capabilities, lock file of iptables, kubelet file', NO_CHART),
]
