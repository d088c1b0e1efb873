import { writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { startProcess } from '../../../emulator/node/process.ts'
import type { Clock } from '../../base/clock.ts'
import { Owner } from '../../base/lifecycle.ts'
import type { AzureDoors, DemoPod, Place } from './place.ts'

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
    runComponent(argv, options) {
      const process = startProcess(argv, clock, { ...options, env: { ...this.componentEnv, ...options.env } })
      owner.own(() => process.stop())
      return process
    },
    async startPod(name): Promise<DemoPod> {
      state.pods += 1
      const ip = `127.0.1.${state.pods}`
      const relay = await openRelay(ip)
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

interface Relay {
  readonly port: number
  close(): Promise<void>
}

/** Passes connections on to the node agent, coming from `localAddress`. */
async function openRelay(localAddress: string): Promise<Relay> {
  const sockets = new Set<Socket>()
  const server = createServer((inbound) => {
    const outbound = connect({ host: '127.0.0.1', port: NMI_PORT, localAddress })
    for (const socket of [inbound, outbound]) {
      sockets.add(socket)
      // Either end gone ends both; the SDK sees a broken connection, as on a node.
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        inbound.destroy()
        outbound.destroy()
      })
    }
    inbound.pipe(outbound).pipe(inbound)
  })
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', () => resolve(undefined))
  await promise
  const address = server.address()
  return {
    port: address === null || typeof address === 'string' ? 0 : address.port,
    async close() {
      if (!server.listening) return
      const closed = Promise.withResolvers<undefined>()
      server.close(() => closed.resolve(undefined))
      for (const socket of sockets) socket.destroy()
      await closed.promise
    },
  }
}
