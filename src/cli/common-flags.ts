import { boolean, choice, integer, text } from './flag.ts'

/** Flags of every long-running component. */
export const COMMON_FLAGS = {
  kubeconfig: text('', 'kubeconfig file; empty: the service account of the pod'),
  'http-probe-port': integer(8080, [0, 65_535], 'port of /healthz, /livez and /readyz'),
  'probe-address': text('', 'address of the probe and metrics ports; empty: all addresses', {
    origin: 'podid',
  }),
  enableProfile: boolean(false, 'accepted for compatibility; profile with node --cpu-prof'),
  enableScaleFeatures: boolean(true, 'accepted for compatibility; always on'),
  'custom-user-agent': text('', 'appended to the User-Agent of calls to Azure'),
  'log-format': choice(['text', 'json'], 'format of the log'),
  v: integer(0, [0, 10], 'verbosity of the log; 5 and more shows debugging lines', { short: 'v' }),
  logtostderr: boolean(true, 'accepted for compatibility; the log always goes to standard error'),
} as const
