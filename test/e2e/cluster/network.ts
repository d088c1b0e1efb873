/**
 * machine --- azure --- nodes. The machine gets one veth end with its address and routes to the cluster's
 * own range, and nothing else; `azure` is the network between the nodes and owns 169.254.169.254.
 */
import { batch, createNamespace, type Namespace } from '../../../emulator/node/namespace.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { type ClusterAddresses, IMDS_ADDRESS, type NodeAddresses } from './addresses.ts'

/** Port on the machine's end where the emulated IMDS listens. */
export const IMDS_PORT = 8169

export interface ClusterNetwork {
  /** Makes the namespace of node number `index` and its link. */
  addNode(index: number): Promise<Namespace>
}

export async function createNetwork(addresses: ClusterAddresses, clock: Clock): Promise<ClusterNetwork> {
  const { name, machine, machine6, azure: fabric, network, network6 } = addresses
  const azure = await createNamespace(`${name}-azure`, clock)
  await batch(
    [],
    [
      `link add ${name} type veth peer name machine netns ${azure.name}`,
      `link set ${name} addrgenmode none`,
      `link set ${name} up`,
      `addr add ${machine}/32 dev ${name}`,
      `addr add ${machine6}/128 dev ${name} nodad`,
    ],
    clock,
  )
  await azure.ip([
    'link set lo up',
    `addr add ${IMDS_ADDRESS}/32 dev lo`,
    'link set machine up',
    `addr add ${fabric}/32 dev machine`,
    'addr add fe80::1/64 dev machine nodad',
    `route add ${machine}/32 dev machine`,
    `route add ${machine6}/128 dev machine`,
  ])
  await azure.sysctl([
    ['net/ipv4/ip_forward', '1'],
    ['net/ipv6/conf/all/forwarding', '1'],
    ['net/ipv4/conf/all/rp_filter', '0'],
    ...answersForOthers('machine'),
  ])
  await batch(
    [],
    [`route add ${network} dev ${name} src ${machine}`, `route add ${network6} via fe80::1 dev ${name}`],
    clock,
  )
  await forwardImds(azure, addresses)
  return { addNode: (index) => addNode({ index, addresses, azure, clock }) }
}

/** As a real fabric does, the emulator sees the address of the node, also for what its pods send out. */
async function forwardImds(azure: Namespace, { machine }: ClusterAddresses): Promise<void> {
  const rules = [
    '*nat',
    `-A PREROUTING -d ${IMDS_ADDRESS}/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination ${machine}:${IMDS_PORT}`,
    'COMMIT',
    '',
  ]
  await azure.run(['iptables-restore', '--wait'], { stdin: rules.join('\n'), deadlineMs: 10_000 })
}

interface NodeSite {
  readonly index: number
  readonly addresses: ClusterAddresses
  readonly azure: Namespace
  readonly clock: Clock
}

async function addNode({ index, addresses, azure, clock }: NodeSite): Promise<Namespace> {
  const own = addresses.node(index)
  const link = `node${index}`
  const node = await createNamespace(`${addresses.name}-${link}`, clock)
  await azure.ip([
    `link add ${link} type veth peer name eth0 netns ${node.name}`,
    `link set ${link} up`,
    `addr add fe80::1/64 dev ${link} nodad`,
    `route add ${own.ip}/32 dev ${link}`,
    `route add ${own.pods} via ${own.ip} dev ${link} onlink`,
    `route add ${own.ip6}/128 dev ${link}`,
    `route add ${own.pods6} via ${own.ip6} dev ${link} onlink`,
  ])
  await azure.sysctl(answersForOthers(link))
  await node.ip([
    'link set lo up',
    'link set eth0 up',
    `addr add ${own.ip}/32 dev eth0`,
    `addr add ${own.ip6}/128 dev eth0 nodad`,
    `route add default dev eth0 src ${own.ip}`,
    `route add default via fe80::1 dev eth0 src ${own.ip6}`,
  ])
  await node.sysctl([
    ['net/ipv4/ip_forward', '1'],
    ['net/ipv6/conf/all/forwarding', '1'],
  ])
  await writeFirstRules(node, own)
  return node
}

/** What pods send to IMDS past every redirect leaves the node with the node's address, as in Azure. */
async function writeFirstRules(node: Namespace, { pods, ip }: NodeAddresses): Promise<void> {
  const masquerade = [
    '*nat',
    `-A POSTROUTING -s ${pods} -d ${IMDS_ADDRESS}/32 -j SNAT --to-source ${ip}`,
    'COMMIT',
    '',
  ]
  await node.run(['iptables-restore', '--wait', '--noflush'], {
    stdin: masquerade.join('\n'),
    deadlineMs: 10_000,
  })
}

/** The kernel of a node that lost its power has neither rules nor connections any more. */
export async function forgetRules(node: Namespace, own: NodeAddresses): Promise<void> {
  const script = `
programs='iptables-nft ip6tables-nft'
# Looking there would make legacy tables where none were.
[ -s /proc/net/ip_tables_names ] && programs="$programs iptables-legacy ip6tables-legacy"
for program in $programs; do
  for table in nat mangle filter raw; do "$program" -t "$table" -F; "$program" -t "$table" -X; done
done 2>/dev/null
conntrack -F 2>/dev/null
true`
  await node.run(['sh', '-c', script], { deadlineMs: 20_000 })
  await writeFirstRules(node, own)
}

function answersForOthers(link: string): [string, string][] {
  return [
    [`net/ipv4/conf/${link}/proxy_arp`, '1'],
    [`net/ipv4/neigh/${link}/proxy_delay`, '0'],
    [`net/ipv4/conf/${link}/rp_filter`, '0'],
  ]
}
