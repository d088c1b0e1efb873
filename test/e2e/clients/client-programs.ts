/** The clients, how each is started, and what its environment must say so that it trusts the emulated Azure. */

export const CLIENTS = ['node', 'python', 'go', 'java', 'az', 'curl'] as const

export type ClientName = (typeof CLIENTS)[number]

export interface ClientProgram {
  /** For docs/sdks.md. */
  readonly title: string
  /** Command line in front of the arguments, with the program's folder at `app`. */
  readonly argv: (app: string) => readonly string[]
  readonly env: (app: string) => Readonly<Record<string, string>>
  /** What its image has of Debian, with all that these packages need. */
  readonly packages: readonly string[]
  /** It has credential classes: ManagedIdentityCredential and DefaultAzureCredential. */
  readonly credentials: boolean
  /** It computes for seconds at its start. */
  readonly slowStart?: boolean
  /** Calls at once in the burst: every call of a command line tool is a process of its own. */
  readonly burst: number
}

export const PROGRAMS: Readonly<Record<ClientName, ClientProgram>> = {
  node: {
    title: 'JavaScript',
    packages: ['libstdc++6'],
    argv: (app) => ['node', `${app}/client.mjs`],
    env: () => ({}),
    credentials: true,
    burst: 50,
  },
  python: {
    title: 'Python',
    packages: ['python3'],
    argv: (app) => ['/usr/bin/python3', `${app}/client.py`],
    env: (app) => ({ PYTHONPATH: `${app}/site` }),
    credentials: true,
    burst: 50,
  },
  go: {
    title: 'Go',
    packages: [],
    argv: (app) => [`${app}/client`],
    env: () => ({}),
    credentials: true,
    burst: 50,
  },
  java: {
    title: 'Java',
    packages: ['libstdc++6', 'zlib1g'],
    argv: (app) => [`${app}/jre/bin/java`, '-cp', `${app}/classes:${app}/lib/*`, 'Client'],
    env: () => ({}),
    credentials: true,
    slowStart: true,
    burst: 50,
  },
  az: {
    title: 'Azure CLI',
    packages: ['python3'],
    argv: (app) => ['/usr/bin/python3', `${app}/client.py`],
    env: (app) => ({
      PYTHONPATH: `${app}/site`,
      AZURE_CORE_COLLECT_TELEMETRY: 'false',
    }),
    credentials: false,
    slowStart: true,
    burst: 8,
  },
  curl: {
    title: 'curl',
    packages: ['coreutils', 'curl', 'dash', 'jq'],
    argv: (app) => ['/bin/sh', `${app}/client.sh`],
    env: () => ({}),
    credentials: false,
    burst: 50,
  },
}

/** Environment of every image: /tmp is the only place that a program may write to. */
export const IMAGE_ENV: Readonly<Record<string, string>> = { PATH: '/usr/bin:/bin', HOME: '/tmp' }

/** What makes each run time trust a CA whose PEM stands in `caFile`. */
export function trusting(caFile: string): Readonly<Record<string, string>> {
  return {
    NODE_EXTRA_CA_CERTS: caFile,
    REQUESTS_CA_BUNDLE: caFile,
    SSL_CERT_FILE: caFile,
    CURL_CA_BUNDLE: caFile,
    // Java reads no PEM file: the program makes a trust store of it.
    AZURE_CA: caFile,
  }
}
