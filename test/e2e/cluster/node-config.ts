/** The files below /etc of a node, by path. */
import type { ClusterAddresses, NodeAddresses } from './addresses.ts'

/** How pods hang on the node: a veth and a /32 route each (Azure CNI), or one shared bridge (kubenet). */
export type Shape = 'routed' | 'bridge'

export const PAUSE_IMAGE = 'podid.test/pause:1'

export interface NodeFiles {
  readonly shape: Shape
  readonly addresses: ClusterAddresses
  readonly own: NodeAddresses
  readonly providerId: string
  readonly cgroup: string
  readonly kubeconfigText: string
  readonly proxyKubeconfigText: string
  readonly clientsCaPem: string
  readonly azureJson: string
  /** Taints that the node registers with. */
  readonly taints?: readonly { readonly key: string; readonly effect: string }[]
  /** How often kubelet looks at each pod again, and has the volumes of CSI drivers filled again: `1m` unless told. */
  readonly syncFrequency?: string
}

export function nodeFiles(files: NodeFiles): ReadonlyMap<string, string> {
  const { addresses, own } = files
  return new Map([
    ['cni/net.d/10-pods.conflist', json(cni(files.shape, own))],
    ['podid-containerd.toml', CONTAINERD],
    ['podid-kubelet.json', json(kubelet(files))],
    ['podid-kubelet.kubeconfig', files.kubeconfigText],
    ['podid-proxy.json', json(proxy(addresses))],
    ['podid-proxy.kubeconfig', files.proxyKubeconfigText],
    ['podid-clients-ca.crt', files.clientsCaPem],
    ['podid-resolv.conf', `nameserver ${addresses.machine}\n`],
    ['resolv.conf', `nameserver ${addresses.machine}\n`],
    // Where AKS nodes have them; the chart mounts both.
    ['kubernetes/azure.json', files.azureJson],
    ['default/kubelet', `KUBELET_FLAGS=--network-plugin=${files.shape === 'bridge' ? 'kubenet' : 'azure'}\n`],
  ])
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

function cni(shape: Shape, own: NodeAddresses): unknown {
  const ipam = {
    type: 'host-local',
    ranges: [[{ subnet: own.pods }], [{ subnet: own.pods6 }]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  }
  const plugin =
    shape === 'bridge'
      ? { type: 'bridge', bridge: 'cbr0', isGateway: true, hairpinMode: true, forceAddress: false, ipam }
      : { type: 'ptp', ipam }
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [plugin, { type: 'portmap', capabilities: { portMappings: true } }],
  }
}

/** containerd 1.6, with the CRI plugin that Debian's own configuration turns off. */
const CONTAINERD = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`

function kubelet(files: NodeFiles): unknown {
  const { addresses, own, providerId, cgroup, taints = [], syncFrequency = '1m' } = files
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: '/etc/podid-clients-ca.crt' },
    },
    authorization: { mode: 'Webhook' },
    address: own.ip,
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    providerID: providerId,
    registerWithTaints: taints,
    clusterDNS: [addresses.machine],
    clusterDomain: 'cluster.local',
    resolvConf: '/etc/podid-resolv.conf',
    maxPods: 240,
    nodeStatusUpdateFrequency: '2s',
    syncFrequency,
    // Several kubelets share the machine: each in a cgroup of its own, and none judges the machine's disk.
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroup,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '100Mi' },
    // Sockets of 100 pods that start at once.
    serializeImagePulls: false,
    kubeAPIQPS: 100,
    kubeAPIBurst: 200,
  }
}

function proxy(addresses: ClusterAddresses): unknown {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: '/etc/podid-proxy.kubeconfig' },
    mode: 'iptables',
    clusterCIDR: `${addresses.network},${addresses.network6}`,
    // These belong to the machine, not to a network namespace.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    iptables: { minSyncPeriod: '0s', syncPeriod: '10s' },
  }
}
