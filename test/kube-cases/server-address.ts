import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import type { KubeServer } from './case-world.ts'

interface Config {
  readonly clusters: readonly {
    readonly cluster: {
      readonly server: string
      readonly 'certificate-authority'?: string
      readonly 'certificate-authority-data'?: string
    }
  }[]
  readonly users: readonly { readonly user: { readonly token?: string } }[]
}

/** @param path of a kubeconfig whose first user has a bearer token. */
export async function readServer(path: string): Promise<KubeServer> {
  const { clusters, users } = parse(await readFile(path, 'utf8')) as Config
  const cluster = clusters[0]?.cluster
  const data = cluster?.['certificate-authority-data']
  return {
    url: cluster?.server ?? '',
    caPem:
      data === undefined
        ? await readFile(cluster?.['certificate-authority'] ?? '', 'utf8')
        : Buffer.from(data, 'base64').toString(),
    adminToken: users[0]?.user.token ?? '',
  }
}
