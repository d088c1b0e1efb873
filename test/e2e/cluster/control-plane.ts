/** etcd, API server, controller manager and scheduler, as processes of this machine. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { runProcess } from '../../../emulator/node/process.ts'
import type { Clock } from '../../../src/base/clock.ts'
import type { ClusterAddresses } from './addresses.ts'
import type { Binaries } from './binaries.ts'
import { type Credentials, KUBELET_CLIENT } from './credentials.ts'
import { createProgram, type Program } from './program.ts'
import { until } from './until.ts'

const READY_DEADLINE_MS = 60_000
/** `iss` of the tokens of service accounts. */
export const SERVICE_ACCOUNT_ISSUER = 'https://kubernetes.default.svc.cluster.local'

export interface ControlPlane {
  readonly url: string
  readonly etcd: Program
  readonly apiServer: Program
  readonly controllerManager: Program
  readonly scheduler: Program
  /** JSON lines of what the API server was asked (audit level Metadata). */
  readonly auditLog: string
  /** Resolves when the API server says that it is ready. */
  ready(): Promise<void>
  /** Saves etcd's content to a file. */
  snapshot(file: string): Promise<void>
  /** Replaces etcd's content by what a snapshot holds; the API server is stopped meanwhile. */
  restore(file: string): Promise<void>
  stop(): Promise<void>
}

export interface ControlPlaneOptions {
  readonly folder: string
  readonly pids: string
  readonly addresses: ClusterAddresses
  readonly binaries: Binaries
  readonly credentials: Credentials
  readonly clock: Clock
  /** A controller that is not to run, by its name for `--controllers`. */
  readonly withoutController?: string
}

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { folder, addresses, binaries, credentials, clock } = options
  const { machine } = addresses
  const data = join(folder, 'etcd')
  const auditLog = join(folder, 'audit.log')
  const logs = join(folder, 'logs')
  await mkdir(logs, { recursive: true })
  const program = (name: string, argv: readonly string[]): Program =>
    createProgram({ name, argv, logs, pids: options.pids, clock })
  const etcd = program('etcd', etcdCommand(data, machine))
  const apiServer = program('kube-apiserver', [
    binaries.path('kube-apiserver'),
    ...(await apiServerFlags(options, auditLog)),
  ])
  const controllerManager = program('kube-controller-manager', [
    binaries.path('kube-controller-manager'),
    `--kubeconfig=${await credentials.kubeconfigFile('system:kube-controller-manager')}`,
    `--service-account-private-key-file=${credentials.file('service-accounts.key')}`,
    `--root-ca-file=${credentials.file('ca.crt')}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--secure-port=0',
    // A lost node is noticed in seconds: the tests wait for it.
    '--node-monitor-period=1s',
    '--node-monitor-grace-period=10s',
    ...(options.withoutController === undefined ? [] : [`--controllers=*,-${options.withoutController}`]),
  ])
  const scheduler = program('kube-scheduler', [
    binaries.path('kube-scheduler'),
    `--kubeconfig=${await credentials.kubeconfigFile('system:kube-scheduler')}`,
    '--leader-elect=false',
    '--secure-port=0',
  ])
  const url = `https://${machine}:6443`
  const agent = new Agent({ ca: credentials.caPem })
  const get = (path: string): Promise<number> => statusOf(`${url}${path}`, agent, credentials.adminToken)
  const ready = async (): Promise<void> => {
    await until('the API server is ready', { clock, deadlineMs: READY_DEADLINE_MS }, async () => {
      if (!apiServer.running) throw new Error('kube-apiserver ended; see its log')
      return (await get('/readyz').catch(() => 0)) === 200
    })
  }
  const etcdctl = (args: readonly string[]): Promise<unknown> =>
    runProcess(['etcdctl', `--endpoints=http://${machine}:2379`, ...args], clock, {
      env: { ETCDCTL_API: '3' },
      deadlineMs: 60_000,
    })
  const plane: ControlPlane = {
    url,
    etcd,
    apiServer,
    controllerManager,
    scheduler,
    auditLog,
    ready,
    async snapshot(file) {
      await etcdctl(['snapshot', 'save', file])
    },
    async restore(file) {
      await apiServer.stop()
      await etcd.stop()
      await rm(data, { recursive: true })
      await etcdctl(['snapshot', 'restore', file, `--data-dir=${data}`, ...etcdMember(machine)])
      await etcd.start()
      await apiServer.start()
      await ready()
    },
    async stop() {
      agent.destroy()
      for (const each of [scheduler, controllerManager, apiServer, etcd]) await each.stop()
    },
  }
  try {
    await etcd.start()
    await apiServer.start()
    await ready()
    await controllerManager.start()
    await scheduler.start()
  } catch (thrown) {
    await plane.stop()
    throw thrown
  }
  return plane
}

function etcdMember(machine: string): string[] {
  return [
    '--name=podid',
    `--initial-cluster=podid=http://${machine}:2380`,
    `--initial-advertise-peer-urls=http://${machine}:2380`,
  ]
}

function etcdCommand(data: string, machine: string): string[] {
  return [
    'etcd',
    `--data-dir=${data}`,
    ...etcdMember(machine),
    `--listen-peer-urls=http://${machine}:2380`,
    `--listen-client-urls=http://${machine}:2379`,
    `--advertise-client-urls=http://${machine}:2379`,
    // The tests never survive a crash of the machine.
    '--unsafe-no-fsync',
  ]
}

async function apiServerFlags(
  { folder, addresses, credentials }: ControlPlaneOptions,
  auditLog: string,
): Promise<string[]> {
  const policy = join(folder, 'audit-policy.yaml')
  await writeFile(policy, JSON.stringify(AUDIT_POLICY))
  return [
    `--etcd-servers=http://${addresses.machine}:2379`,
    `--bind-address=${addresses.machine}`,
    `--advertise-address=${addresses.machine}`,
    '--secure-port=6443',
    `--tls-cert-file=${credentials.file('api.crt')}`,
    `--tls-private-key-file=${credentials.file('api.key')}`,
    `--client-ca-file=${credentials.file('clients-ca.crt')}`,
    `--token-auth-file=${credentials.file('tokens.csv')}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--service-account-issuer=${SERVICE_ACCOUNT_ISSUER}`,
    `--service-account-key-file=${credentials.file('service-accounts.pub')}`,
    `--service-account-signing-key-file=${credentials.file('service-accounts.key')}`,
    `--service-cluster-ip-range=${addresses.services},${addresses.services6}`,
    `--kubelet-client-certificate=${credentials.file('kubelet-client.crt')}`,
    `--kubelet-client-key=${credentials.file('kubelet-client.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--allow-privileged=true',
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${auditLog}`,
    '--audit-log-mode=blocking',
  ]
}

/** Who asked for what, without bodies; not what the cluster's own components do, but when pods were created. */
const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'Metadata', verbs: ['create'], resources: [{ group: '', resources: ['pods'] }] },
    { level: 'None', userGroups: ['system:nodes', 'system:masters'] },
    { level: 'None', users: ['system:kube-scheduler', 'system:kube-proxy', 'system:apiserver'] },
    { level: 'None', userGroups: ['system:serviceaccounts:kube-system'] },
    { level: 'Metadata' },
  ],
}

/** Lets the API server ask kubelets for logs and commands. */
export const KUBELET_CLIENT_BINDING = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: KUBELET_CLIENT },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:kubelet-api-admin' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: KUBELET_CLIENT }],
}

function statusOf(url: string, agent: Agent, token: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const outgoing = request(url, { agent, timeout: 2_000, headers: { authorization: `Bearer ${token}` } })
  outgoing.on('response', (answer) => {
    answer.resume()
    resolve(answer.statusCode ?? 0)
  })
  outgoing.on('timeout', () => outgoing.destroy(new Error(`${url} did not answer in 2 s`)))
  outgoing.on('error', reject)
  outgoing.end()
  return promise
}
