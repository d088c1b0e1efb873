import { InvalidArgumentError } from 'commander'
import { boolean, choice, duration, type Flag, integer, port, text } from './flag.ts'

const OLD = { origin: 'keyvault-provider' } as const
const PODID = { origin: 'podid' } as const
const MIB = 1024 * 1024

/** A path of a URL; kubelet asks for one without its slash as if it had it. */
function urlPath(flag: Flag<string>): Flag<string> {
  return { ...flag, parse: (value) => (value.startsWith('/') ? value : `/${value}`) }
}

/** `http://<address>:<port>`. */
function httpAddress(flag: Flag<string>): Flag<string> {
  const parse = (value: string): string => {
    const url = URL.canParse(value) ? new URL(value) : undefined
    if (url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`)
      return url.origin
    throw new InvalidArgumentError('it is an address such as http://169.254.169.254')
  }
  return { ...flag, parse }
}

/** `podid keyvault-provider`. Names, defaults and effects of the Azure Key Vault provider 1.8, and podid's own. */
export const KEYVAULT_PROVIDER_FLAGS = {
  endpoint: text(
    'unix:///tmp/azure.sock',
    'socket that the CSI driver asks; its name is the provider’s',
    OLD,
  ),
  'healthz-port': port(8989, 'port of the health paths', OLD),
  'healthz-path': urlPath(
    text('/healthz', 'path that tells whether the provider answers on its socket', OLD),
  ),
  'healthz-timeout': duration('5s', 'how long the provider may take to answer itself', OLD),
  'prometheus-port': port(8898, 'port of /metrics', OLD),
  'metrics-backend': choice(['prometheus'], 'accepted for compatibility; there is one', OLD),
  'construct-pem-chain': boolean(true, 'order the certificates of a PKCS#12 leaf first', OLD),
  'write-cert-and-key-in-separate-files': boolean(
    false,
    'write <file>.crt and <file>.key beside secrets that back a certificate',
    OLD,
  ),
  'cloud-name': text('AzurePublicCloud', 'Azure cloud of classes that name none', OLD),
  'custom-user-agent': text('', 'appended to the User-Agent of calls to Azure', OLD),
  'log-format-json': boolean(false, 'log as JSON, as --log-format=json', OLD),
  'enable-pprof': boolean(false, 'accepted for compatibility; profile with node --cpu-prof', OLD),
  'pprof-port': port(6060, 'accepted for compatibility', OLD),
  'token-proxy-url': text('', 'accepted for compatibility; AKS identity bindings are not supported', OLD),
  'sni-name': text('', 'accepted for compatibility; AKS identity bindings are not supported', OLD),
  v: integer(0, [0, 10], 'verbosity of the log; 5 and more shows debugging lines', { ...OLD, short: 'v' }),
  'log-format': choice(['text', 'json'], 'format of the log', PODID),
  'probe-address': text('', 'address of the health and metrics ports; empty: all addresses', PODID),
  'pod-identity-endpoint': text(
    'http://127.0.0.1:2579',
    'host door of NMI on this node: http://<address>:<port>, or unix:///<path> (--host-door-socket of NMI)',
    PODID,
  ),
  'cloud-env-folder': text(
    '/etc/kubernetes',
    'folder whose files cloudEnvFileName of a class may name (cloudName AzureStackCloud)',
    PODID,
  ),
  'vm-managed-identity': boolean(
    true,
    'let classes log in with the identities of the node (useVMManagedIdentity); the chart turns it off',
    PODID,
  ),
  'metadata-endpoint': httpAddress(
    text('http://169.254.169.254', 'instance metadata service, for useVMManagedIdentity', PODID),
  ),
  'poll-max-age': duration(
    '25s',
    'how old a value may be that pods of one identity share when their files are looked after again; first mounts always ask the vault',
    PODID,
  ),
  'cache-size': integer(16, [1, 1_024], 'memory for values that are shared or kept, MiB', PODID),
  'vault-requests-per-second': integer(
    200,
    [1, 10_000],
    'reads of this node from one vault; a list of versions is one',
    PODID,
  ),
  'max-mounts': integer(256, [1, 10_000], 'mounts under way at once; more are refused', PODID),
  'max-answer-bytes': integer(
    4 * MIB,
    [MIB, 64 * MIB],
    'largest volume, bytes; raise --max-call-recv-msg-size of the CSI driver with it',
    PODID,
  ),
  'shutdown-timeout': duration('20s', 'how long mounts under way may take after SIGTERM', PODID),
} as const
