import { boolean, choice, duration, integer, text } from './flag.ts'

const PODID = { origin: 'podid' } as const

/** `podid explain`. */
export const EXPLAIN_FLAGS = {
  kubeconfig: text('', 'kubeconfig file; empty: $KUBECONFIG, else ~/.kube/config', PODID),
  'operation-mode': choice(
    ['standard', 'managed'],
    'as NMI was started; managed: nobody writes AzureAssignedIdentities, and forceNamespaced is on',
    PODID,
  ),
  forceNamespaced: boolean(false, 'as the components were started', { ...PODID, env: 'FORCENAMESPACED' }),
} as const

/** `podid crds`. */
export const CRDS_FLAGS = {
  kubeconfig: text('', 'kubeconfig file; empty: the service account of the pod', PODID),
  from: text('', 'folder of the definitions, as YAML', PODID),
} as const

/** `podid await`. */
export const AWAIT_FLAGS = {
  kubeconfig: text('', 'kubeconfig file; empty: the service account of the pod', PODID),
  daemonset: text('', 'namespace/name of the DaemonSet whose pods must be ready', PODID),
  timeout: duration('5m', 'how long that may take', PODID),
} as const

/** `podid demo`. */
export const DEMO_FLAGS = {
  keep: boolean(false, 'leave everything running until Ctrl-C, and print how to look at it', PODID),
  managed: boolean(false, 'managed mode: the node agent alone, identities assigned beforehand', PODID),
  keyvault: boolean(false, 'secrets of a vault as files: the Key Vault provider and its volumes', PODID),
  loopback: boolean(false, 'no network namespaces, also as root', PODID),
  verbose: boolean(false, "show the components' logs", PODID),
} as const

/** `podid emulator azure|kube`. */
export const EMULATOR_FLAGS = {
  host: text('127.0.0.1', 'address to listen on', PODID),
  port: integer(0, [0, 65_535], 'port of the main listener; 0: any', PODID),
  state: text('', 'azure: JSON file with the initial state (emulator/azure/README.md)', PODID),
  seed: integer(1, [0, 2 ** 31 - 1], 'seed of keys, ids and faults', PODID),
} as const
