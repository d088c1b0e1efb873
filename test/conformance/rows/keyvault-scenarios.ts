import { type Row, section } from '../row.ts'

const scenario = section(13, 'vault-scenario')
const driver = section(14, 'csi')

const MOUNT = 'src/keyvault/mount.test.ts'
const REQUEST = 'src/keyvault/request'
const RENDER = 'src/keyvault/render'
const CERTIFICATES = `${RENDER}/certificate-secret.test.ts`
const READS = 'src/keyvault/vault/shared-reads.test.ts'
const LOGINS = 'src/keyvault/identity/login-ways.test.ts'
const ORDERS = `${REQUEST}/read-order.property.test.ts`
const SERVER = 'src/keyvault/grpc/provider-server.test.ts'
const CHART = 'test/chart/keyvault.test.ts'

/** Scenarios of test/e2e that show it. */
const on = (row: Row, e2e: readonly string[]): Row => ({ ...row, e2e })

/** End-to-end scenarios of the Azure Key Vault Provider 1.8, in its order. */
const OF_THE_PROVIDER: readonly Row[] = [
  on(
    scenario.same('a secret is read in the pod', [
      MOUNT,
      'a volume has a file for each object, with its path, mode, content and version',
    ]),
    ['keyvault-first-secret'],
  ),
  on(
    scenario.same('with an alias', [
      `${REQUEST}/object-rules.test.ts`,
      'the file is the alias, else the name, and a path that the driver writes',
    ]),
    ['keyvault-objects-of-every-kind', 'keyvault-upgrade-from-azure-provider'],
  ),
  on(scenario.onCluster('a Secret of type kubernetes.io/tls is made of a certificate'), [
    'keyvault-synced-secrets',
  ]),
  on(scenario.onCluster('a Secret of type Opaque with labels, used as environment'), [
    'keyvault-synced-secrets',
  ]),
  on(
    scenario.same('several versions as name/0 and so on, also with an alias', [
      MOUNT,
      'several versions are files below the name, newest first, and as many as asked for',
    ]),
    ['keyvault-rotation', 'keyvault-upgrade-from-azure-provider'],
  ),
  on(
    scenario.same('a changed value reaches the volume, with each way to log in', [
      READS,
      'a repeat within the age of a poll asks nothing; a mount always asks and refreshes it',
    ]),
    ['keyvault-rotation'],
  ),
  on(
    scenario.same('a new version becomes 0, the one before 1', [
      `${REQUEST}/file-names.test.ts`,
      'the newest enabled versions, as many as asked for and not one more',
    ]),
    ['keyvault-rotation'],
  ),
  on(
    scenario.same('certificates of RSA and of curves, as PEM and PKCS#12, as cert, key and secret', [
      CERTIFICATES,
      '*: PEM and every PKCS#12, with and without a chain',
    ]),
    ['keyvault-objects-of-every-kind'],
  ),
  on(
    scenario.same('certificate and key in separate files', [
      CERTIFICATES,
      '*: PEM and every PKCS#12, with and without a chain',
    ]),
    ['keyvault-identity-of-the-node'],
  ),
  on(
    scenario.same('keys: RSA, RSA-HSM, EC-HSM, with an alias', [
      `${RENDER}/key.test.ts`,
      'public keys of all kinds become SubjectPublicKeyInfo in PEM',
    ]),
    ['keyvault-objects-of-every-kind'],
  ),
  scenario.same('a file permission of 755', [
    `${REQUEST}/object-rules.test.ts`,
    'the permission is octal and no more than 0777',
  ]),
  scenario.differs(
    'an own cloud by its file',
    [
      `${REQUEST}/cloud.test.ts`,
      'an environment file below the folder is read, by absolute and relative path and through links',
    ],
    'kv-cloud-file',
  ),
  on(
    scenario.same('secret and key by pod identity', [
      'src/keyvault/identity/vault-tokens.test.ts',
      'NMI is asked for each mount, once for those of one pod at one time, and decides each time anew',
    ]),
    ['keyvault-first-secret', 'keyvault-upgrade-from-azure-provider'],
  ),
  on(
    scenario.same('by an identity of the node', [
      LOGINS,
      'the identity of the node is the one of the client id, or the system-assigned one',
    ]),
    ['keyvault-identity-of-the-node'],
  ),
  on(
    scenario.same('by workload identity', [
      LOGINS,
      'workload identity changes the assertion for a token of the client, at the authority of the cloud',
    ]),
    ['keyvault-ways-to-log-in'],
  ),
  scenario.differs(
    'by identity binding, alone and beside workload identity in one pod',
    [`${REQUEST}/identity-mode.test.ts`, 'identity binding of AKS is refused with what to use'],
    'kv-identity-binding',
  ),
  scenario.differs(
    'arguments and proxy of the Arc extension',
    [CHART, 'values of the provider reach its pods and its flags'],
    'kv-chart',
  ),
  on(scenario.onCluster('after all of it no container was restarted'), ['keyvault-nothing-restarted']),
  on(scenario.onCluster('install and upgrade by Helm'), ['keyvault-upgrade-from-azure-provider']),
]

/** What the Secrets Store CSI driver expects of a provider, and does with its answers. */
const OF_THE_DRIVER: readonly Row[] = [
  on(
    driver.same('files: one, several, in folders, each at a path that the driver writes', [
      ORDERS,
      'objects that are accepted are files that the driver writes, each its own',
    ]),
    ['keyvault-objects-of-every-kind', 'keyvault-upgrade-from-azure-provider'],
  ),
  on(
    driver.differs(
      'an answer that is too large fails at the driver',
      [SERVER, 'an answer near the bound reaches the driver, a larger one fails here with the reason'],
      'kv-too-large',
    ),
    ['keyvault-refusals'],
  ),
  driver.same('missing attributes, target path or permission are an error of the provider', [
    `${REQUEST}/mount-request.test.ts`,
    'what cannot be read is told in the old words, without a piece of it',
  ]),
  on(
    driver.differs(
      'an answer without versions of objects fails with "missing object versions"',
      [`${REQUEST}/objects.test.ts`, 'what is no list of objects is told'],
      'kv-empty',
    ),
    ['keyvault-refusals'],
  ),
  on(
    driver.same('an error of the provider reaches the pod as it is, as gRPC status Unknown', [
      SERVER,
      'a failure is what kubelet shows, with the beginning that people know',
    ]),
    ['keyvault-refusals'],
  ),
  driver.same('the health check of the driver calls Version', [
    SERVER,
    'Version and health answer as the driver and probes expect',
  ]),
  driver.same('the authority of every call is localhost', [
    SERVER,
    'a mount: what the driver sends arrives, and what comes back becomes files',
  ]),
  driver.same('a token of each audience comes among attributes or secrets', [
    `${REQUEST}/mount-request.test.ts`,
    'tokens come from the secrets before the attributes, and are in neither map',
  ]),
  on(
    driver.same('a volume is published again for every interval, and a failure leaves its files', [
      MOUNT,
      'the first mount of a volume asks anew, later ones of the same reader may share, another reader asks anew',
    ]),
    ['keyvault-rotation', 'keyvault-vault-down'],
  ),
  on(
    driver.same('SecretProviderClassPodStatus has a line for each UID', [
      `${REQUEST}/file-names.test.ts`,
      'names and UIDs',
    ]),
    ['keyvault-upgrade-from-azure-provider'],
  ),
  on(driver.onCluster('files that are not in an answer any more go, also in folders'), [
    'keyvault-class-changed',
  ]),
  on(driver.onCluster('a volume is unpublished, once and again'), [
    'keyvault-synced-secret-ends-with-its-owners',
  ]),
  on(driver.onCluster('a provider that starts again is found at its path'), [
    'keyvault-provider-and-driver-killed',
  ]),
  on(driver.onCluster('a class that is missing or in another namespace is an event on the pod'), [
    'keyvault-classes-and-attributes',
  ]),
  on(driver.onCluster('two classes in one pod'), ['keyvault-classes-and-attributes']),
  on(driver.onCluster('Secrets: keys split, owners set, gone with the last pod'), [
    'keyvault-synced-secrets',
    'keyvault-synced-secret-ends-with-its-owners',
  ]),
]

export const KEYVAULT_SCENARIOS: readonly Row[] = [...OF_THE_PROVIDER, ...OF_THE_DRIVER]
