import { COMMON_FLAGS } from './common-flags.ts'
import { boolean, choice, duration, integer, port, text } from './flag.ts'

const PODID = { origin: 'podid' } as const

/** `podid nmi`. Names, defaults and effects of AAD Pod Identity 1.8, and podid's own. */
export const NMI_FLAGS = {
  ...COMMON_FLAGS,
  node: text('', 'name of this node', { env: 'NODE_NAME' }),
  'nmi-listen-address': text('127.0.0.1', 'address that pods are redirected to'),
  'nmi-port': port(2579, 'port that pods are redirected to'),
  'host-door-socket': text(
    '',
    'path of a Unix socket that serves /host/token to root alone, for a Key Vault provider without the host’s network; empty: none',
    PODID,
  ),
  'metadata-ip': text('169.254.169.254', 'address of the instance metadata service'),
  'metadata-port': port(80, 'port of the instance metadata service'),
  'operation-mode': choice(
    ['standard', 'managed'],
    'standard: MIC assigns identities; managed: somebody else did',
  ),
  forceNamespaced: boolean(false, 'pod, binding and identity must be in one namespace', {
    env: 'FORCENAMESPACED',
  }),
  MICNamespace: text('default', "namespace of MIC, whose pods get the node's identity", {
    env: 'MIC_NAMESPACE',
  }),
  'retry-attempts-for-created': integer(
    16,
    [0, 10_000],
    'with the interval: how long a request waits for its AzureAssignedIdentity',
  ),
  'retry-attempts-for-assigned': integer(
    4,
    [0, 10_000],
    'with the interval: how much longer it waits for the assignment',
  ),
  'find-identity-retry-interval': integer(5, [0, 3_600], 'seconds; factor of the two waits above'),
  'hold-limit': duration(
    '45s',
    'longest time one request is held before a retryable answer; tools that do not ask again (curl, Azure CLI) are held twice as long as the waits above say',
    PODID,
  ),
  'set-retry-after-header': boolean(
    false,
    'with --legacy-status-codes: 503 with Retry-After: 20 in place of 404; without it retryable answers always carry Retry-After',
  ),
  'legacy-status-codes': boolean(
    false,
    'refuse with the status codes of AAD Pod Identity (404 for a missing identity)',
    PODID,
  ),
  'require-identity-selector': boolean(
    false,
    'refuse a request that names no identity when several are bound',
    PODID,
  ),
  'block-instance-metadata': boolean(false, 'refuse /metadata/instance to pods'),
  'metadata-header-required': boolean(true, 'refuse requests without Metadata: true'),
  'prometheus-port': port(9090, 'port of /metrics'),
  'ipt-update-interval-sec': integer(60, [1, 86_400], 'seconds between two checks of the iptables rules'),
  'enable-conntrack-deletion': boolean(
    true,
    'cut established flows to the metadata address at start (AAD Pod Identity: off by default)',
  ),
  'remove-rules-on-stop': boolean(
    false,
    'remove the iptables rules on stop: pods then reach IMDS directly',
    PODID,
  ),
  'manage-redirect': boolean(true, 'write the iptables rules; false where something else redirects', PODID),
  cleanup: boolean(false, 'remove the iptables rules of this node and exit', PODID),
  'cleanup-wait': duration(
    '0s',
    'how long --cleanup waits for the agent of this node to end; it never cleans under a running one',
    PODID,
  ),
  'dry-run': boolean(false, 'print the iptables rules that would be written and exit', PODID),
  'allow-network-plugin-kubenet': boolean(
    false,
    'start although pods of a kubenet node can take over each other’s address',
  ),
  'verify-callers': boolean(
    true,
    'refuse a caller that the network of the node does not show as the pod of its address; false: the address alone tells',
    PODID,
  ),
  'kubelet-config': text('/etc/default/kubelet', 'file that is searched for --network-plugin=kubenet'),
  'shutdown-timeout': duration('20s', 'how long requests in flight may take after SIGTERM', PODID),
  'max-connections': integer(4_096, [1, 65_535], 'connections in all', PODID),
  'max-connections-per-pod': integer(256, [1, 65_535], 'connections of one pod', PODID),
  audit: boolean(true, 'one line for each token decision on standard output', PODID),
  cloud: text('AzurePublicCloud', 'Azure cloud of service principals without adEndpoint', {
    env: 'CLOUD',
    origin: 'podid',
  }),
} as const
