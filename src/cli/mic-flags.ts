import { COMMON_FLAGS } from './common-flags.ts'
import { boolean, duration, integer, list, port, text } from './flag.ts'

const PODID = { origin: 'podid' } as const

/** `podid mic`. Names, defaults and effects of AAD Pod Identity 1.8, and podid's own. */
export const MIC_FLAGS = {
  ...COMMON_FLAGS,
  cloudconfig: text(
    '',
    'azure.json of the cluster, watched; empty: the environment variables of docs/flags.md',
  ),
  forceNamespaced: boolean(false, 'pod, binding and identity must be in one namespace', {
    env: 'FORCENAMESPACED',
  }),
  syncRetryDuration: duration('3600s', 'how often everything is compared again'),
  'leader-election-instance': text('', 'name of this replica in the lock; empty: the host name'),
  'leader-election-namespace': text('default', 'namespace of the lock'),
  'leader-election-name': text('aad-pod-identity-mic', 'name of the lock'),
  'leader-election-duration': duration('15s', 'how long a lock lasts that is not renewed'),
  'legacy-lock': boolean(
    true,
    'hold the Endpoints lock of AAD Pod Identity too, so that the old MIC and podid never both act',
    PODID,
  ),
  'prometheus-port': port(8888, 'port of /metrics'),
  createDeleteBatch: integer(20, [1, 1_000], 'objects written at the same time'),
  clientQps: integer(
    50,
    [1, 10_000],
    'writes to the Kubernetes API a second, in the long run (AAD Pod Identity: 5)',
  ),
  'immutable-user-msis': list('client ids of identities that are never removed from a node'),
  'config-map-name': text(
    'aad-pod-identity-config',
    'accepted for compatibility; old spellings are always read',
  ),
  'type-upgrade-status-key': text('type-upgrade-status', 'accepted for compatibility'),
  'enable-type-upgrade': boolean(true, 'accepted for compatibility'),
  'update-user-msi-max-retry': integer(2, [0, 100], 'tries in one cycle after identities were set apart'),
  'update-user-msi-retry-interval': duration('1s', 'pause between these tries'),
  'identity-assignment-reconcile-interval': duration(
    '3m',
    'how often the identities really on the nodes are compared',
  ),
  'arm-calls-per-hour': integer(
    6_000,
    [1, 1_000_000],
    'budget of calls to Azure Resource Manager, of which a third at most goes to the reconcile interval',
    PODID,
  ),
  'adopt-existing-assignments': boolean(
    false,
    'identities of AzureAssignedIdentity objects that AAD Pod Identity wrote count as put there by podid, and leave the node with their last pod',
    PODID,
  ),
  'startup-taint': text(
    '',
    'key of a taint that new nodes come with, removed when NMI on the node is ready (needs the right to patch nodes); empty: none',
    PODID,
  ),
  'nmi-namespace': text('default', "with --startup-taint: namespace of NMI's pods", PODID),
  'nmi-selector': text(
    'app.kubernetes.io/component=nmi',
    "with --startup-taint: label selector of NMI's pods",
    PODID,
  ),
  drain: boolean(
    false,
    'take every identity off the nodes and remove the finalizers, then exit (before an uninstall)',
    PODID,
  ),
  'drain-stops': text(
    '',
    'namespace/name of the Deployment of MIC, which --drain scales to 0 before it begins',
    PODID,
  ),
  'drain-timeout': duration(
    '2m',
    'how long a drain tries to reach Azure before it removes the finalizers anyway',
    PODID,
  ),
} as const
