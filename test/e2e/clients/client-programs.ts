/** The clients, how each is started, and what its environment must say so that it trusts the emulated Azure. */

export const CLIENTS = ['node', 'python', 'go', 'java', 'az', 'curl'] as const

export type ClientName = (typeof CLIENTS)[number]

export interface ClientProgram {
  /** For docs/sdks.md. */
  readonly title: string
  /** Command line in front of the arguments, with the program's folder at `app`. */
  argv(app: string): readonly string[]
  env(app: string): Readonly<Record<string, string>>
  /** It has credential classes: ManagedIdentityCredential and DefaultAzureCredential. */
  readonly credentials: boolean
  /** Calls at once in the burst: every call of a command line tool is a process of its own. */
  readonly burst: number
}

export const PROGRAMS: Readonly<Record<ClientName, ClientProgram>> = {
  node: {
    title: 'JavaScript',
    argv: (app) => ['node', `${app}/client.mjs`],
    env: () => ({}),
    credentials: true,
    burst: 50,
  },
  python: {
    title: 'Python',
    argv: (app) => ['/usr/bin/python3', `${app}/client.py`],
    env: (app) => ({ PYTHONPATH: `${app}/site` }),
    credentials: true,
    burst: 50,
  },
  go: {
    title: 'Go',
    argv: (app) => [`${app}/client`],
    env: () => ({}),
    credentials: true,
    burst: 50,
  },
  java: {
    title: 'Java',
    argv: (app) => ['java', '-cp', `${app}/classes:${app}/lib/*`, 'Client'],
    env: () => ({}),
    credentials: true,
    burst: 50,
  },
  az: {
    title: 'Azure CLI',
    argv: (app) => ['/usr/bin/python3', `${app}/client.py`],
    env: (app) => ({
      PYTHONPATH: `${app}/site`,
      AZURE_CORE_COLLECT_TELEMETRY: 'false',
    }),
    credentials: false,
    burst: 8,
  },
  curl: {
    title: 'curl',
    argv: (app) => ['/bin/sh', `${app}/client.sh`],
    env: () => ({}),
    credentials: false,
    burst: 50,
  },
}

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
