import { type Row, section } from '../row.ts'

const { same, differs } = section(12, 'vault-process')

const REQUEST = 'src/keyvault/request/mount-request.test.ts'
const MOUNT = 'src/keyvault/mount.test.ts'
const CLAIM = 'src/keyvault/grpc/socket-claim.test.ts'
const SERVER = 'src/keyvault/grpc/provider-server.test.ts'
const METRICS = 'src/telemetry/keyvault-metrics.test.ts'
const FLAGS = 'test/conformance/keyvault-flags.test.ts'
const CHART = 'test/chart/keyvault.test.ts'

/** The provider as a process, and its weaknesses. */
export const KEYVAULT_PROCESS: readonly Row[] = [
  same('attributes, secrets or a permission that are no JSON are refused', [
    REQUEST,
    'what cannot be read is told in the old words, without a piece of it',
  ]),
  same('a mount gives files with path, mode and content, and versions', [
    MOUNT,
    'a volume has a file for each object, with its path, mode, content and version',
  ]),
  same('Version answers v1alpha1, a name and a version', [
    SERVER,
    'Version and health answer as the driver and probes expect',
  ]),
  differs(
    '/healthz alone tells how the provider is',
    [
      'src/telemetry/health-door.test.ts',
      'health is 200 ok or 503 with the reason, readiness lists its checks, the rest is not found',
    ],
    'kv-health',
  ),
  same('an endpoint is unix: with a path or tcp: with an address, else it is refused', [
    FLAGS,
    'endpoints: a Unix socket, or for tests TCP on a loopback address, and nothing else',
  ]),
  differs(
    'tcp: listens on any address',
    [FLAGS, 'endpoints: a Unix socket, or for tests TCP on a loopback address, and nothing else'],
    'kv-endpoint',
  ),
  same('calls and requests to the vault are counted under their names, well or failed', [
    METRICS,
    'requests to the vault keep name, labels and buckets of the old provider',
  ]),
  differs(
    'labels carry whole error texts and any object name',
    [METRICS, 'calls on the socket keep their old name, and carry a code where a text was'],
    'kv-metric-labels',
  ),
  differs(
    'tokens are in the log, cut to their first and last four characters',
    [MOUNT, 'no value and no token is in any line of the log'],
    'kv-log-secrets',
  ),
  differs(
    'the custom user agent is built and not sent',
    [FLAGS, 'the user agent that is configured is that of requests to a vault'],
    'kv-user-agent',
  ),
  differs(
    'the version is printed as JSON with the date of the build',
    [FLAGS, 'the provider prints its version alone'],
    'kv-version',
  ),
  same('names and defaults of all flags, and Prometheus as the only backend', [
    FLAGS,
    'every flag of the old provider is known with its default, and the others are marked as podid’s own',
  ]),
  differs(
    'pprof opens a port',
    [
      FLAGS,
      'the one backend of metrics is Prometheus, in any case, and profiles are accepted and mean nothing',
    ],
    'kv-profiling',
  ),
  differs(
    'the socket is removed at start, whoever serves it',
    [CLAIM, 'another provider is named, left alone, and succeeded when it is gone'],
    'kv-socket',
  ),
  differs(
    'a panic ends the process',
    [SERVER, 'a fault in a mount is logged with its stack, and the next mount is served'],
    'kv-faults',
  ),
  differs(
    'nothing is kept between two mounts',
    [
      'src/keyvault/vault/shared-reads.test.ts',
      'a repeat within the age of a poll asks nothing; a mount always asks and refreshes it',
    ],
    'kv-shared-reads',
  ),
  differs(
    'nothing limits requests to a vault',
    ['src/keyvault/vault/turns.test.ts', 'in no second leave more than the rate'],
    'kv-limits',
  ),
  differs(
    'the first object that fails ends the mount',
    [
      MOUNT,
      'failures of several objects are told together in the order of the class, the same text each time',
    ],
    'kv-all-failures',
  ),
  differs(
    'the error of the SDK is the error of the mount',
    ['src/keyvault/vault-failure.test.ts', 'each kind has its code, and the same failure has the same text'],
    'kv-error-texts',
  ),
  differs(
    'a mount that takes too long ends with the deadline of kubelet',
    [MOUNT, 'time that runs out is told with the step that was under way, and so is another end'],
    'kv-deadline',
  ),
  differs(
    'more than 4 MiB are refused by the driver',
    [SERVER, 'an answer near the bound reaches the driver, a larger one fails here with the reason'],
    'kv-too-large',
  ),
  differs(
    'a missing or disabled object always fails the mount',
    [
      MOUNT,
      'an optional object that is missing or disabled is left out and shown as missing; one that may not be read fails',
    ],
    'kv-optional',
  ),
  differs(
    'while the vault is down nothing is mounted',
    [MOUNT, 'the last known good is mounted with a line in the log that says since when'],
    'kv-last-known-good',
  ),
  differs(
    'the provider is on the network of the node and asks NMI at localhost',
    [CHART, 'the node agent answers on a socket that the provider asks, in one folder of the node'],
    'kv-host-network',
  ),
  differs(
    'root on the network of the node, in a chart with the driver',
    [
      CHART,
      'the Key Vault provider is root without a capability, a network of the node or an account, with two folders of the host',
    ],
    'kv-chart',
  ),
  differs(
    'there are DaemonSets for Linux and for Windows',
    [CHART, 'without values the provider has the ports, folders and settings of the old chart'],
    'kv-windows',
  ),
  same('values of the old chart have their place in this one', [
    'test/chart/keyvault-old-values.test.ts',
    'every value of the old provider chart has its row in docs/keyvault.md, and what it became exists',
  ]),
  differs(
    'any number of PKCS#12 files is opened, whatever they cost',
    [
      'src/keyvault/render/pfx-openings.test.ts',
      'the rounds of one mount are bounded together; another mount has its own, and what is open costs nothing',
    ],
    'kv-pfx-cost',
  ),
  differs(
    'the whole list of versions is read, however long',
    ['test/integration/keyvault-client.test.ts', 'of more than a thousand versions the newest are kept'],
    'kv-many-versions',
  ),
  same('an environment file needs name, activeDirectoryEndpoint, keyVaultEndpoint and keyVaultDNSSuffix', [
    'src/keyvault/request/cloud.test.ts',
    'a file with the four fields that the old provider read is enough',
  ]),
]
