/**
 * kube-network-policies of the Kubernetes project on the nodes: kube-proxy enforces no NetworkPolicy. It decides
 * about packets that the kernel hands to it. Its own rules for that need nftables' `queue`, which some kernels
 * lack; here the same is done by iptables, at every place where a network may look at a packet.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '../../../scripts/image/cache-folder.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { go } from '../cluster/binaries.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { programImage } from '../cluster/images.ts'

const FOLDER = import.meta.dirname
const NAME = 'policy-engine'
const IMAGE = `podid.test/${NAME}:1`
const QUEUE = 100

/** Path of the archive, built when the pinned version has changed. */
async function engineImage(clock: Clock): Promise<string> {
  const sources = await Promise.all(['go.mod', 'go.sum'].map((file) => readFile(join(FOLDER, file))))
  const key = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 16)
  const archive = cacheFolder('images', `${NAME}-${key}.tar`)
  if (existsSync(archive)) return archive
  const folder = await mkdtemp(join(tmpdir(), `podid-${NAME}-`))
  try {
    const program = join(folder, NAME)
    const source = 'sigs.k8s.io/kube-network-policies/cmd'
    await go(FOLDER, ['build', '-trimpath', '-ldflags', '-s -w', '-o', program, source], clock)
    await mkdir(join(archive, '..'), { recursive: true })
    await programImage({ name: IMAGE, program, path: NAME, archive })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return archive
}

/** Resolves when every new connection of pods is decided by the cluster's NetworkPolicies. */
export async function enforcePolicies(cluster: Cluster, clock: Clock): Promise<void> {
  await cluster.importImage(await engineImage(clock))
  const list = { apiVersion: 'v1', kind: 'List', items: MANIFESTS }
  await cluster.kubectl.ok(['apply', '-f', '-'], JSON.stringify(list))
  const status = ['rollout', 'status', `daemonset/${NAME}`, '--timeout=90s']
  await cluster.kubectl.ok(['--namespace', 'kube-system', ...status])
  for (const [index, node] of cluster.nodes.entries()) {
    const { pods } = cluster.addresses.node(index)
    const queue = `-s ${pods} -m conntrack --ctstate NEW -j NFQUEUE --queue-num ${QUEUE}`
    // Where the pod believes to go, before the redirect of podid and kube-proxy; and where it goes after them.
    for (const [table, chain] of [
      ['mangle', 'PREROUTING'],
      ['filter', 'INPUT'],
      ['filter', 'FORWARD'],
    ])
      await node.run(['sh', '-c', `iptables --wait -t ${table} -I ${chain} ${queue}`])
    // What comes from other nodes' pods was decided there for leaving; here for arriving.
    const arriving = `-d ${pods} -m conntrack --ctstate NEW -j NFQUEUE --queue-num ${QUEUE}`
    await node.run(['sh', '-c', `iptables --wait -I FORWARD -i eth0 ${arriving}`])
  }
}

const metadata = { name: NAME }
const MANIFESTS = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...metadata, namespace: 'kube-system' } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata,
    rules: [
      { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: NAME },
    subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: 'kube-system' }],
  },
  {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { ...metadata, namespace: 'kube-system' },
    spec: {
      selector: { matchLabels: { app: NAME } },
      template: {
        metadata: { labels: { app: NAME } },
        spec: {
          hostNetwork: true,
          serviceAccountName: NAME,
          containers: [
            {
              name: NAME,
              image: IMAGE,
              imagePullPolicy: 'Never',
              args: ['--hostname-override=$(NODE)', `--nfqueue-id=${QUEUE}`, '--v=2'],
              env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
              securityContext: { runAsUser: 0, privileged: true },
            },
          ],
        },
      },
    },
  },
]
