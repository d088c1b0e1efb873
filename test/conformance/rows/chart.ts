import { type Row, section } from '../row.ts'

const { same, differs } = section(8, 'chart')

const OLD = 'test/chart/old-values.test.ts'
const VALUES = 'test/chart/values.test.ts'
const SECURITY = 'test/chart/security.test.ts'

export const CHART: readonly Row[] = [
  same('a values file of AAD Pod Identity is taken as it is', [
    OLD,
    'values of AAD Pod Identity work as they are, and every image is podid',
  ]),
  same('global values: names, forceNamespaced, customUserAgent, imagePullSecrets', [
    OLD,
    'global values: names, mode, namespaces, user agent, pull secrets',
  ]),
  differs(
    'image.repository, mic.image, mic.tag, nmi.image and nmi.tag name an image for each component',
    [OLD, 'the notes say which old values have another meaning, and the three next commands'],
    'one-image',
  ),
  same('operationMode managed installs no MIC', [
    OLD,
    'managed mode has no MIC and nothing for it, and the exception for the add-ons of AKS',
  ]),
  same('azureIdentities makes identities and bindings', [
    OLD,
    'azureIdentities become identities and bindings, from a map and from the older list',
  ]),
  same('adminsecret fills the environment of MIC', [
    OLD,
    'adminsecret is a Secret that fills the environment of MIC, and takes the place of the file of the host',
  ]),
  differs(
    'rbac.allowAccessToSecrets lets NMI get every Secret of the cluster',
    [SECURITY, 'NMI reads a Secret by its name, in its namespace, when an identity or a value names it'],
    'secrets-by-name',
  ),
  same('rbac.createUserFacingClusterRoles gives the custom resources to view, edit and admin', [
    SECURITY,
    'people get the custom resources through the roles of the cluster when that is asked for',
  ]),
  same('rbac.enabled false makes no roles', [
    SECURITY,
    'without rbac there is no role, no account, and no hook that would need one',
  ]),
  differs(
    'rbac.pspEnabled makes a PodSecurityPolicy, nmi.enableScaleFeatures switches a way of listing',
    [OLD, 'the notes say which old values have another meaning, and the three next commands'],
    'values-without-effect',
  ),
  same('installMICException makes the exceptions for MIC and for the add-ons of AKS', [
    OLD,
    'installMICException makes exceptions for MIC and for the add-ons of AKS',
  ]),
  same('values of mic: replicas, resources, placement, leader election, probes, flags', [
    OLD,
    'values of mic reach its pods and its flags',
  ]),
  same('values of nmi: resources, update strategy, tolerations, probes, flags', [
    OLD,
    'values of nmi reach its pods and its flags',
  ]),
  same('defaults of the values', [
    OLD,
    'without values the flags are those of AAD Pod Identity, and the resources too but for the limit of the processor',
  ]),
  differs(
    'the limit of the processor is 200m for both',
    [
      OLD,
      'without values the flags are those of AAD Pod Identity, and the resources too but for the limit of the processor',
    ],
    'cpu-limits',
  ),
  differs(
    'priorityClassName is empty for both',
    [VALUES, 'the priority classes of the system are the default, and any other or none can be set'],
    'priority-classes',
  ),
  differs(
    'nmi.affinity is empty, so NMI is put on virtual nodes too',
    [
      VALUES,
      'agents and what cleans up after them stay off virtual nodes, unless an affinity of the user says otherwise',
    ],
    'virtual-nodes',
  ),
  differs(
    'an unknown value is passed over in silence',
    [VALUES, 'a value that the chart does not know, or a wrong one, is refused by its path'],
    'unknown-values',
  ),
  differs(
    'the pod of NMI has DAC_READ_SEARCH, NET_ADMIN and NET_RAW, the host network and two files of the host',
    [
      SECURITY,
      'NMI is root on the host network with two capabilities and two files of the host, one of them read-only',
    ],
    'security-contexts',
  ),
  differs(
    'MIC runs as root and mounts the file and the certificates of the host',
    [
      SECURITY,
      'MIC passes the restricted profile with a login of its own, and is root only for the file of the host',
    ],
    'security-contexts',
  ),
  differs(
    'an upgrade of the chart leaves the definitions of the custom resources as they are',
    [
      'test/chart/hooks.test.ts',
      'before an install and an upgrade a Job with rights to these four brings the definitions up to date',
    ],
    'definitions-kept-current',
  ),
  differs(
    'any text is accepted as a resource id, a client id, an endpoint or a selector',
    ['test/chart/definitions.test.ts', 'what podid cannot use is refused when it is written'],
    'definition-rules',
  ),
  differs(
    'an uninstall leaves assigned identities with finalizers behind',
    [
      'test/chart/hooks.test.ts',
      'before an uninstall MIC is stopped and drained by a Job that may stop it and remove its locks',
    ],
    'uninstall',
  ),
]
