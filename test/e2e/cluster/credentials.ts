/** What the components of one cluster know each other by; all of it is made anew for each cluster. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createServerIdentity } from '../../../emulator/azure/tls/certificate-authority.ts'
import { makeCertificate } from '../../make/certificates.ts'
import type { ClusterAddresses } from './addresses.ts'

/** The user that the API server is for kubelets. */
export const KUBELET_CLIENT = 'podid-e2e-kubelet-client'

export interface Credentials {
  readonly folder: string
  /** CA of the API server. */
  readonly caPem: string
  readonly adminToken: string
  /** CA of the certificate that the API server shows to kubelets. */
  readonly clientsCaPem: string
  file(name: CredentialFile): string
  /** A kubeconfig, as YAML (JSON is YAML). */
  kubeconfig(user: string): string
  /** The same as a file. */
  kubeconfigFile(user: string): Promise<string>
}

type CredentialFile =
  | 'api.crt'
  | 'api.key'
  | 'clients-ca.crt'
  | 'kubelet-client.crt'
  | 'kubelet-client.key'
  | 'service-accounts.key'
  | 'service-accounts.pub'
  | 'tokens.csv'
  | 'ca.crt'

/** User and group of each component (Kubernetes' own names, which RBAC's default roles are bound to). */
const USERS: readonly (readonly [user: string, group: string])[] = [
  ['admin', 'system:masters'],
  ['system:kube-controller-manager', ''],
  ['system:kube-scheduler', ''],
  ['system:kube-proxy', 'system:node-proxier'],
]

export async function createCredentials(
  folder: string,
  addresses: ClusterAddresses,
  nodes: readonly string[],
): Promise<Credentials> {
  const server = `https://${addresses.machine}:6443`
  const api = await createServerIdentity([
    addresses.machine,
    addresses.apiService,
    '127.0.0.1',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ])
  const clientsCa = makeCertificate({ name: 'podid e2e clients' })
  const kubeletClient = makeCertificate({ name: KUBELET_CLIENT, issuer: clientsCa })
  const serviceAccounts = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const users = [...USERS, ...nodes.map((node) => [`system:node:${node}`, 'system:nodes'] as const)]
  const tokens = new Map(users.map(([user]) => [user, randomBytes(24).toString('base64url')]))
  const rows = users.map(([user, group], at) => `${tokens.get(user) ?? ''},${user},${at},"${group}"`)
  const contents: Readonly<Record<CredentialFile, string>> = {
    'api.crt': api.cert,
    'api.key': api.key,
    'ca.crt': api.caPem,
    'clients-ca.crt': clientsCa.certificatePem,
    'kubelet-client.crt': kubeletClient.certificatePem,
    'kubelet-client.key': kubeletClient.keyPem,
    'service-accounts.key': serviceAccounts.privateKey,
    'service-accounts.pub': serviceAccounts.publicKey,
    'tokens.csv': `${rows.join('\n')}\n`,
  }
  for (const [name, content] of Object.entries(contents))
    await writeFile(join(folder, name), content, { mode: 0o600 })
  const tokenOf = (user: string): string => {
    const token = tokens.get(user)
    if (token === undefined) throw new Error(`the cluster has no user ${user}`)
    return token
  }
  const kubeconfig = (user: string): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: addresses.name,
          cluster: { server, 'certificate-authority-data': Buffer.from(api.caPem).toString('base64') },
        },
      ],
      users: [{ name: user, user: { token: tokenOf(user) } }],
      contexts: [{ name: addresses.name, context: { cluster: addresses.name, user } }],
      'current-context': addresses.name,
    })
  return {
    folder,
    caPem: api.caPem,
    clientsCaPem: clientsCa.certificatePem,
    adminToken: tokenOf('admin'),
    file: (name) => join(folder, name),
    kubeconfig,
    async kubeconfigFile(user) {
      const file = join(folder, `${user.replaceAll(':', '-')}.kubeconfig`)
      await writeFile(file, kubeconfig(user), { mode: 0o600 })
      return file
    },
  }
}
