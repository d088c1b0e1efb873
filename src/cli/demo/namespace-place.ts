import { createNodeSandbox } from '../../../emulator/node/sandbox.ts'
import type { Clock } from '../../base/clock.ts'
import { AZURE_NAMES, type AzureDoors, type DemoPod, type Place } from './place.ts'

/**
 * A node and pods as network namespaces: the pods ask 169.254.169.254 as on any VM, and podid's own
 * iptables rules bring them to the node agent. Programs find Azure under its real names, by hosts files.
 */
export async function namespacePlace(clock: Clock): Promise<Place> {
  const sandbox = await createNodeSandbox({ clock, shape: 'routed', prefix: 'poddemo' })
  const hosts = Object.fromEntries(AZURE_NAMES.map((name) => [name, sandbox.hostAddress]))
  let env: Readonly<Record<string, string>> = {}

  return {
    kind: 'namespaces',
    hostAddress: sandbox.hostAddress,
    // The real names have no port, so the emulator takes the real one on the sandbox's own address.
    azurePort: 443,
    async connectAzure({ imdsPort, caFile }: AzureDoors) {
      env = { NODE_EXTRA_CA_CERTS: caFile }
      await sandbox.forwardImds(imdsPort)
      await sandbox.setNodeHosts(hosts)
    },
    nmiFlags: ['--allow-network-plugin-kubenet'],
    get componentEnv() {
      return env
    },
    componentAddress: sandbox.nodeAddress,
    // The node's hosts file has the name.
    vaultEnv: () => Promise.resolve({}),
    runComponent: (argv, options) => sandbox.runOnNode(argv, { ...options, env: { ...env, ...options.env } }),
    async startPod(name): Promise<DemoPod> {
      const pod = await sandbox.startPod({ name, hosts, env })
      return {
        name,
        ip: pod.ip,
        env,
        prefix: `ip netns exec ${pod.namespace} `,
        run: (argv, options = {}) => pod.run(argv, options),
        stop: () => pod.stop(),
      }
    },
    close: () => sandbox.close(),
  }
}
