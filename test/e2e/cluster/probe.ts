/** Whether this machine can run the cluster: found out by trying, before anything is built. */
import { existsSync } from 'node:fs'
import { probeNodeSandbox } from '../../../emulator/node/probe.ts'
import { runProcess } from '../../../emulator/node/process.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { codeOf, errorText } from '../../../src/base/errors.ts'
import { hierarchies } from './cgroups.ts'

const DEADLINE_MS = 15_000

const PROGRAMS: readonly (readonly [argv: readonly string[], from: string])[] = [
  [['containerd', '--version'], 'containerd (Debian package containerd)'],
  [['runc', '--version'], 'runc (Debian package runc)'],
  [['etcd', '--version'], 'etcd (Debian package etcd-server)'],
  [['etcdctl', 'version'], 'etcdctl (Debian package etcd-client)'],
  [['dnsmasq', '--version'], 'dnsmasq (Debian package dnsmasq-base)'],
  [['conntrack', '--version'], 'conntrack (Debian package conntrack)'],
  [['nsenter', '--version'], 'nsenter (Debian package util-linux)'],
  [['sh', '-c', 'ls /usr/lib/postgresql/*/bin/initdb'], 'initdb (Debian package postgresql)'],
  [['go', 'version'], 'Go 1.25 or newer'],
]

/** Each runs in a network namespace of its own; what it needs of the kernel is in its name. */
const TRIALS: readonly (readonly [what: string, script: string])[] = [
  [
    'mount, PID, IPC and UTS namespaces',
    'unshare --mount --uts --ipc --pid --fork --mount-proc --kill-child true',
  ],
  [
    'overlay file systems',
    'd=$(mktemp -d); mkdir $d/u $d/w; unshare --mount sh -ec "mount -t overlay overlay -o lowerdir=/etc,upperdir=$d/u,workdir=$d/w /etc"; r=$?; rm -rf $d; exit $r',
  ],
  ['tmpfs', 'unshare --mount mount -t tmpfs tmpfs /mnt'],
  ['a bridge', 'unshare --net ip link add cbr0 type bridge'],
  [
    'iptables with the matches of kube-proxy',
    `unshare --net sh -ec 'iptables -t nat -A POSTROUTING -m comment --comment x -m statistic --mode random --probability 0.5 -j MASQUERADE --random-fully; iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP; iptables -A FORWARD -m mark --mark 1/1 -j ACCEPT'`,
  ],
  [
    'iptables with the match of owners (meshes) and NFQUEUE (policies)',
    `unshare --net sh -ec 'iptables -t nat -A OUTPUT -p tcp -m owner --uid-owner 1 -j REDIRECT --to-ports 1; iptables -A FORWARD -j NFQUEUE --queue-num 1'`,
  ],
  [
    'ebtables of the nf_tables kind',
    `unshare --net xtables-nft-multi ebtables -t nat -A PREROUTING -p 0x0806 --arp-ip-src 192.0.2.1 -j DROP`,
  ],
  ['ip6tables nat', 'unshare --net ip6tables -t nat -L -n'],
]

/** What is missing, each a phrase that can stand after "missing: "; empty when the cluster can run here. */
export async function probeCluster(clock: Clock): Promise<readonly string[]> {
  const sandbox = await probeNodeSandbox(clock)
  if (sandbox.missing.includes('Linux') || sandbox.missing.includes('root')) return sandbox.missing
  const missing = [...sandbox.missing]
  for (const [argv, from] of PROGRAMS) {
    try {
      await runProcess(argv, clock, { deadlineMs: DEADLINE_MS, env: systemPath() })
    } catch (thrown) {
      missing.push(codeOf(thrown) === 'ENOENT' ? `the program ${from}` : `${from}: ${errorText(thrown)}`)
    }
  }
  if (!existsSync('/usr/lib/cni/bridge'))
    missing.push('CNI plugins (Debian package containernetworking-plugins)')
  const groups = hierarchies().map((each) => each.split('/').at(-1))
  for (const controller of ['memory', 'cpuset', 'pids'])
    if (!groups.includes(controller) && !groups.includes('cgroup'))
      missing.push(`cgroup controller ${controller}`)
  for (const [what, script] of TRIALS) {
    try {
      await runProcess(['sh', '-c', script], clock, { deadlineMs: DEADLINE_MS })
    } catch (thrown) {
      missing.push(`${what} (${errorText(thrown)})`)
    }
  }
  return missing
}

/** Programs of this machine, wherever its owner put them. */
function systemPath(): Record<string, string> {
  const { PATH } = process.env
  return PATH === undefined ? {} : { PATH }
}
