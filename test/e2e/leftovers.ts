/** What podid could leave behind: each function names what is still there, as text that can be compared with nothing. */
import type { World } from './world.ts'

const KINDS = [
  'serviceaccounts',
  'configmaps',
  'secrets',
  'deployments',
  'daemonsets',
  'replicasets',
  'jobs',
  'pods',
  'leases',
  'endpoints',
  'roles',
  'rolebindings',
  'clusterroles',
  'clusterrolebindings',
  'poddisruptionbudgets',
  'networkpolicies',
  'azureassignedidentities',
  'azurepodidentityexceptions',
]

/** Kubernetes makes them in every namespace, or the harness. */
const OF_ANY_NAMESPACE = / (default|podid-e2e-kubelet-client|kube-root-ca\.crt|azure-ca) /

/** Objects of the cluster whose name tells that they are of podid or of AAD Pod Identity. */
export async function objectsLeft({ kubectl }: World): Promise<string[]> {
  const columns =
    'custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name,FINALIZERS:.metadata.finalizers'
  const text = await kubectl.ok(['get', KINDS.join(), '-A', '--no-headers', '-o', columns])
  return text
    .split('\n')
    .filter((line) => /podid|aad-pod-identity|^AzureAssigned/i.test(line))
    .filter((line) => !OF_ANY_NAMESPACE.test(line))
}

const SAVE =
  'iptables-save; ip6tables-save; ebtables-save; [ ! -s /proc/net/ip_tables_names ] || iptables-legacy-save'
const OURS = /aad-metadata|podid|169\.254\.169\.254.*(2579|DNAT|DROP)/

/** Rules and chains of every node, of every kind. */
export async function rulesLeft({ cluster }: World): Promise<string[]> {
  const found = await Promise.all(
    cluster.nodes.map(async (node) => {
      const { stdout } = await node.run(['sh', '-c', SAVE])
      const lines = stdout.split('\n').filter((line) => OURS.test(line))
      return lines.map((line) => `${node.name}: ${line}`)
    }),
  )
  return found.flat()
}

/** Identities of scale sets and VMs, but for that of the cluster. */
export function identitiesLeft(world: World): string[] {
  const resources = new Set(world.cluster.machines.map(({ resource }) => resource))
  return [...resources]
    .flatMap((resource) => world.identitiesOn(resource))
    .filter((id) => !id.endsWith('/cluster'))
}
