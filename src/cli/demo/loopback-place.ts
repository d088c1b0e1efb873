import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startProcess } from '../../../emulator/node/process.ts'
import type { Clock } from '../../base/clock.ts'
import { Owner } from '../../base/lifecycle.ts'
import { openConnectRelay } from './keyvault/connect-relay.ts'
import { AZURE_NAMES, type AzureDoors, type DemoPod, type Place } from './place.ts'
import { openRelay } from './relay.ts'

/** Port of the node agent over loopback; below the range that Linux gives to clients. */
const NMI_PORT = 20_579

/**
 * Without root: everything on this machine's loopback. A pod is a local relay that connects to the node
 * agent from an address of its own (127.0.1.x), so the agent tells the pods apart by source address, as
 * on a node. What is missing is the packet redirect; SDKs are pointed to the relay by
 * AZURE_POD_IDENTITY_AUTHORITY_HOST instead.
 */
export function loopbackPlace(clock: Clock): Place {
  const owner = new Owner()
  const state: { doors?: AzureDoors; cloudFile: string; pods: number } = { cloudFile: '', pods: 0 }
  const doors = (): AzureDoors => {
    if (state.doors === undefined) throw new Error('the emulated Azure is not connected yet')
    return state.doors
  }

  return {
    kind: 'loopback',
    hostAddress: '127.0.0.1',
    azurePort: 0,
    async connectAzure(azure) {
      state.doors = azure
      state.cloudFile = join(azure.folder, 'cloud.json')
      await writeFile(state.cloudFile, JSON.stringify(customCloud(azure.httpsPort)))
    },
    get nmiFlags() {
      return [
        '--manage-redirect=false',
        `--nmi-port=${NMI_PORT}`,
        '--metadata-ip=127.0.0.1',
        `--metadata-port=${doors().imdsPort}`,
      ]
    },
    get componentEnv() {
      return {
        NODE_EXTRA_CA_CERTS: doors().caFile,
        AZURE_ENVIRONMENT_FILEPATH: state.cloudFile,
        AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://127.0.0.1:${doors().imdsPort}`,
      }
    },
    componentAddress: '127.0.0.1',
    /** A class names a vault, not an address: without a hosts file a proxy leads its name here. */
    async vaultEnv() {
      const relay = await openConnectRelay({ names: AZURE_NAMES, targetPort: doors().httpsPort })
      owner.own(() => relay.close())
      return { HTTPS_PROXY: relay.url }
    },
    runComponent(argv, options) {
      const process = startProcess(argv, clock, { ...options, env: { ...this.componentEnv, ...options.env } })
      owner.own(() => process.stop())
      return process
    },
    async startPod(name): Promise<DemoPod> {
      state.pods += 1
      const ip = `127.0.1.${state.pods}`
      const relay = await openRelay({ targetPort: NMI_PORT, localAddress: ip })
      owner.own(() => relay.close())
      const env = {
        NODE_EXTRA_CA_CERTS: doors().caFile,
        AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://127.0.0.1:${relay.port}`,
        VAULT_URL: `https://localhost:${doors().httpsPort}`,
        VAULT_CHECK: 'off',
      }
      return {
        name,
        ip,
        env,
        prefix: '',
        run: (argv, options = {}) =>
          startProcess(argv, clock, { ...options, env: { ...env, ...options.env } }),
        stop: () => relay.close(),
      }
    },
    close: () => owner.close(),
  }
}

/** The fields of a go-autorest environment file that podid reads. */
function customCloud(port: number): Record<string, string> {
  const origin = `https://localhost:${port}/`
  return {
    name: 'AzureStackCloud',
    activeDirectoryEndpoint: origin,
    resourceManagerEndpoint: origin,
    serviceManagementEndpoint: 'https://management.core.windows.net/',
    tokenAudience: 'https://management.core.windows.net/',
  }
}
