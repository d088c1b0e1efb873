import { readFile } from 'node:fs/promises'
import type { Agent } from 'node:http'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { createAgent } from './agent.ts'
import { type KubeConnection, KubeUnreachableError } from './connection.ts'

/** Where Kubernetes puts a pod's service account. */
const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount'

export interface InClusterOptions {
  /** `KUBERNETES_SERVICE_HOST`; an IPv6 address without brackets. */
  readonly host: string
  /** `KUBERNETES_SERVICE_PORT`. */
  readonly port: string
  /** Holds `token` and `ca.crt`. */
  readonly directory?: string
}

/**
 * The connection of a pod with its service account. The kubelet rotates both files, so each request
 * reads them again; a new CA gets a new agent.
 */
export function inClusterConnection(options: InClusterOptions): KubeConnection {
  const directory = options.directory ?? SERVICE_ACCOUNT_DIRECTORY
  const host = isIPv6(options.host) ? `[${options.host}]` : options.host
  const server = `https://${host}:${options.port}`
  let ca: Buffer | undefined
  let agent: Agent | undefined

  return {
    server,
    async requestOptions() {
      const token = (await readAccountFile(join(directory, 'token'))).toString('utf8').trim()
      const freshCa = await readAccountFile(join(directory, 'ca.crt'))
      if (agent === undefined || ca?.equals(freshCa) !== true) {
        // The old agent's watches go on; its idle connections close by themselves.
        ca = freshCa
        agent = createAgent(server, { ca })
      }
      return { agent, headers: { authorization: `Bearer ${token}` } }
    },
    close: () => agent?.destroy(),
  }
}

async function readAccountFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (thrown) {
    throw new KubeUnreachableError(`cannot read the service account file ${path}`, { cause: thrown })
  }
}
