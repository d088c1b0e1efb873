import type { SandboxAddresses } from './addresses.ts'

/** How pods hang on the node: one veth and a /32 route each (Azure CNI), or one shared bridge (kubenet). */
export type Shape = 'routed' | 'bridge'

/** The address of Azure's instance metadata service. */
const IMDS_ADDRESS = '169.254.169.254'

/** The gateway that pods of routed networks are given; the node answers for it without owning it. */
const ROUTED_GATEWAY = '169.254.1.1'
const ROUTED_GATEWAY6 = 'fe80::1'

/** Lines for `ip -batch`, one list for each namespace; the host's own list comes first. */
export interface Wiring {
  readonly host: readonly string[]
  readonly azure: readonly string[]
  readonly node: readonly string[]
  readonly sysctls: { readonly azure: readonly Sysctl[]; readonly node: readonly Sysctl[] }
}

export type Sysctl = readonly [key: string, value: string]

/**
 * host --- azure --- node --- pods. The host gets one veth end with an address and its on-link route and
 * nothing else: the fabric answers ARP for everything behind it.
 */
export function sandboxWiring(name: string, a: SandboxAddresses, shape: Shape): Wiring {
  return {
    host: [
      `link add ${name} type veth peer name host0 netns ${name}-azure`,
      `link set ${name} addrgenmode none`,
      `link set ${name} up`,
      `addr add ${a.host}/24 dev ${name}`,
    ],
    azure: [
      'link set lo up',
      `addr add ${IMDS_ADDRESS}/32 dev lo`,
      'link set host0 up',
      `addr add ${a.azure}/32 dev host0`,
      `route add ${a.host}/32 dev host0`,
      `link add node0 type veth peer name eth0 netns ${name}-node`,
      'link set node0 up',
      `route add ${a.node}/32 dev node0`,
      `route add ${a.podRange} via ${a.node} dev node0 onlink`,
    ],
    node: [
      'link set lo up',
      'link set eth0 up',
      `addr add ${a.node}/32 dev eth0`,
      `addr add ${a.node6}/128 dev eth0 nodad`,
      `route add ${a.host}/32 dev eth0 src ${a.node}`,
      `route add ${IMDS_ADDRESS}/32 dev eth0 src ${a.node}`,
      ...(shape === 'bridge' ? bridge(a) : []),
    ],
    sysctls: {
      azure: [
        ['net/ipv4/ip_forward', '1'],
        ['net/ipv4/conf/all/rp_filter', '0'],
        ['net/ipv4/conf/host0/proxy_arp', '1'],
        ['net/ipv4/neigh/host0/proxy_delay', '0'],
        ['net/ipv4/conf/node0/proxy_arp', '1'],
        ['net/ipv4/neigh/node0/proxy_delay', '0'],
      ],
      node: [
        ['net/ipv4/ip_forward', '1'],
        ['net/ipv6/conf/all/forwarding', '1'],
      ],
    },
  }
}

function bridge(a: SandboxAddresses): string[] {
  return [
    'link add cbr0 type bridge',
    'link set cbr0 up',
    `addr add ${a.bridge}/25 dev cbr0`,
    `addr add ${a.bridge6}/64 dev cbr0 nodad`,
  ]
}

export interface PodAddresses {
  readonly ip: string
  readonly ip6: string
}

export interface PodWiring {
  readonly node: readonly string[]
  readonly pod: readonly string[]
  readonly nodeEnd: string
}

/** Commands for one pod. `slot` is a number that no other pod of the sandbox has. */
export function podWiring(shape: Shape, slot: number, pod: PodAddresses & { namespace: string }): PodWiring {
  return shape === 'bridge' ? bridgePod(slot, pod) : routedPod(slot, pod)
}

function routedPod(slot: number, pod: PodAddresses & { namespace: string }): PodWiring {
  const nodeEnd = `azv${slot}`
  const mac = nodeMac(slot)
  return {
    nodeEnd,
    node: [
      `link add ${nodeEnd} address ${mac} type veth peer name eth0 address ${podMac(pod.ip)} netns ${pod.namespace}`,
      `link set ${nodeEnd} up`,
      `addr add ${ROUTED_GATEWAY6}/64 dev ${nodeEnd} nodad`,
      `route replace ${pod.ip}/32 dev ${nodeEnd}`,
      `route replace ${pod.ip6}/128 dev ${nodeEnd}`,
    ],
    pod: [
      'link set lo up',
      'link set eth0 up',
      `addr add ${pod.ip}/32 dev eth0`,
      `addr add ${pod.ip6}/128 dev eth0 nodad`,
      `route add ${ROUTED_GATEWAY}/32 dev eth0`,
      `neigh add ${ROUTED_GATEWAY} lladdr ${mac} dev eth0 nud permanent`,
      `route add default via ${ROUTED_GATEWAY} dev eth0`,
      `route add default via ${ROUTED_GATEWAY6} dev eth0`,
    ],
  }
}

function bridgePod(slot: number, pod: PodAddresses & { namespace: string }): PodWiring {
  const nodeEnd = `veth${slot}`
  const gateway = pod.ip.replace(/\d+$/, '129')
  const gateway6 = pod.ip6.replace(/[^:]+$/, '129')
  return {
    nodeEnd,
    node: [
      `link add ${nodeEnd} type veth peer name eth0 address ${podMac(pod.ip)} netns ${pod.namespace}`,
      `link set ${nodeEnd} master cbr0 up`,
      `link set ${nodeEnd} type bridge_slave hairpin on`,
    ],
    pod: [
      'link set lo up',
      'link set eth0 up',
      `addr add ${pod.ip}/25 dev eth0`,
      `addr add ${pod.ip6}/64 dev eth0 nodad`,
      `route add default via ${gateway} dev eth0`,
      `route add default via ${gateway6} dev eth0`,
    ],
  }
}

/** As kubenet makes them: 0a:58 and the address. */
function podMac(ip: string): string {
  return ['0a', '58', ...ip.split('.').map((part) => hex(Number(part)))].join(':')
}

function nodeMac(slot: number): string {
  return ['02', '00', '00', '00', hex(Math.floor(slot / 256) % 256), hex(slot % 256)].join(':')
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

/**
 * What the fabric does with metadata requests: to the emulator on the host, with the node's address as
 * source also for pods (a node masquerades what its pods send out). In the syntax of iptables-restore.
 */
export function imdsForwarding(a: SandboxAddresses, port: number): string {
  return [
    '*nat',
    `-A PREROUTING -d ${IMDS_ADDRESS}/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination ${a.host}:${port}`,
    `-A POSTROUTING -s ${a.podRange} -m conntrack --ctorigdst ${IMDS_ADDRESS} -j SNAT --to-source ${a.node}`,
    'COMMIT',
    '',
  ].join('\n')
}
