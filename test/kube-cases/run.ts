/**
 * `node test/kube-cases/run.ts <kubeconfig>`: the cases of the emulated API server against a real one, whose
 * kubeconfig has a bearer token of one who may do everything. Makes namespaces and removes them.
 */
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { testServer } from './server-suite.ts'

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

const { clusters, users } = parse(await readFile(process.argv[2] ?? 'kubeconfig', 'utf8')) as Config
const cluster = clusters[0]?.cluster
const data = cluster?.['certificate-authority-data']
testServer({
  url: cluster?.server ?? '',
  caPem:
    data === undefined
      ? await readFile(cluster?.['certificate-authority'] ?? '', 'utf8')
      : Buffer.from(data, 'base64').toString(),
  adminToken: users[0]?.user.token ?? '',
})
