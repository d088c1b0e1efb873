/** One node: network, mount, PID, IPC and UTS namespaces with containerd, kubelet and kube-proxy in them. */
import { existsSync, readFileSync } from 'node:fs'
import { link, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Namespace } from '../../../emulator/node/namespace.ts'
import { type ProcessResult, runProcess } from '../../../emulator/node/process.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { codeOf } from '../../../src/base/errors.ts'
import type { Binaries } from './binaries.ts'
import { makeCgroup, removeCgroups } from './cgroups.ts'
import { createProgram } from './program.ts'
import { until } from './until.ts'

type NodeProgram = 'containerd' | 'kubelet' | 'kube-proxy'

const BOOT_DEADLINE_MS = 60_000

export interface ClusterNode {
  readonly name: string
  readonly ip: string
  readonly folder: string
  readonly namespace: Namespace
  /** Boots the node; also after `powerOff`. Its disk stays, its memory does not. */
  powerOn(): Promise<void>
  /** Everything on the node ends at once. */
  powerOff(): Promise<void>
  /** Cuts the node off the network, or connects it again. */
  connect(up: boolean): Promise<void>
  /** SIGKILL; the node starts it again unless told to hold it. */
  killProgram(program: NodeProgram, hold?: boolean): Promise<void>
  /** Lets a held program start again. */
  release(program: NodeProgram): Promise<void>
  /** Runs a command in all of the node's namespaces. @throws Error when it fails. */
  run(argv: readonly string[], deadlineMs?: number): Promise<ProcessResult>
  /** Puts an image (OCI or docker archive) into the node's containerd. */
  importImage(archive: string): Promise<void>
}

export interface NodeOptions {
  readonly name: string
  readonly ip: string
  readonly folder: string
  readonly ip6: string
  readonly cgroup: string
  readonly pids: string
  readonly namespace: Namespace
  /** Empties the node's packet filter. */
  readonly forgetRules: () => Promise<void>
  readonly files: ReadonlyMap<string, string>
  readonly images: readonly string[]
  readonly binaries: Binaries
  readonly clock: Clock
}

export async function createNode(options: NodeOptions): Promise<ClusterNode> {
  const { name, ip, ip6, folder, cgroup, namespace, binaries, clock } = options
  for (const each of ['config', 'logs', 'images', 'state/var/lib', 'state/var/log'])
    await mkdir(join(folder, each), { recursive: true })
  for (const [path, content] of options.files) {
    await mkdir(dirname(join(folder, 'config', path)), { recursive: true })
    await writeFile(join(folder, 'config', path), content, { mode: 0o600 })
  }
  await writeFile(join(folder, 'config', 'resolv.conf'), options.files.get('resolv.conf') ?? '', {
    mode: 0o644,
  })
  for (const [at, image] of options.images.entries())
    await linkOrPoint(image, join(folder, 'images', `${at}-${basename(image)}`))
  const init = createProgram({
    name,
    logs: join(folder, 'logs'),
    pids: options.pids,
    clock,
    argv: [
      'nsenter',
      `--net=/run/netns/${namespace.name}`,
      'unshare',
      '--mount',
      '--uts',
      '--ipc',
      '--pid',
      '--fork',
      '--mount-proc',
      '--kill-child',
      'sh',
      join(import.meta.dirname, 'node-init.sh'),
      name,
      folder,
      binaries.path('kube-proxy'),
      binaries.path('kubelet'),
      '--config=/etc/podid-kubelet.json',
      '--kubeconfig=/etc/podid-kubelet.kubeconfig',
      `--hostname-override=${name}`,
      `--node-ip=${ip},${ip6}`,
    ],
  })
  let inside: number | undefined
  const run = (argv: readonly string[], deadlineMs = 60_000): Promise<ProcessResult> => {
    if (inside === undefined) throw new Error(`node ${name} is off`)
    return runProcess(['nsenter', '-t', String(inside), '-m', '-u', '-i', '-n', '-p', ...argv], clock, {
      deadlineMs,
    })
  }
  const node: ClusterNode = {
    name,
    ip,
    folder,
    namespace,
    run,
    async powerOn() {
      await makeCgroup(cgroup)
      await rm(join(folder, 'images-imported'), { force: true })
      await init.start()
      await until(`node ${name} has booted`, { clock, deadlineMs: BOOT_DEADLINE_MS }, () => {
        if (!init.running) throw new Error(`node ${name} ended while it booted: ${lastWords(folder, name)}`)
        return existsSync(join(folder, 'images-imported'))
      })
      inside = firstChild(init.pid)
    },
    async powerOff() {
      inside = undefined
      await init.kill()
      await endProcesses(namespace.name, clock)
      await removePodInterfaces(namespace)
      await options.forgetRules()
      await removeCgroups(cgroup, clock)
    },
    async connect(up) {
      await namespace.ip([`link set eth0 ${up ? 'up' : 'down'}`])
      if (up)
        await namespace.ip([
          `route replace default dev eth0 src ${ip}`,
          `addr replace ${ip6}/128 dev eth0 nodad`,
          `route replace default via fe80::1 dev eth0 src ${ip6}`,
        ])
    },
    async killProgram(program, hold = false) {
      if (hold) await writeFile(join(folder, `${program}.off`), '')
      const pid = (await readFile(join(folder, `${program}.pid`), 'utf8')).trim()
      await run(['kill', '-KILL', pid])
    },
    async release(program) {
      await rm(join(folder, `${program}.off`))
    },
    async importImage(archive) {
      await run(['ctr', '--namespace', 'k8s.io', 'images', 'import', archive], 300_000)
    },
  }
  return node
}

/** The process that unshare started: first of the node's PID namespace. */
function firstChild(pid: number | undefined): number {
  const children = readFileSync(`/proc/${pid ?? 0}/task/${pid ?? 0}/children`, 'utf8')
    .trim()
    .split(' ')
  const child = Number(children[0])
  if (!Number.isInteger(child) || child <= 0) throw new Error(`process ${pid ?? 0} has no child`)
  return child
}

function lastWords(folder: string, name: string): string {
  return readFileSync(join(folder, 'logs', `${name}.log`), 'utf8')
    .trim()
    .split('\n')
    .slice(-3)
    .join('; ')
}

async function linkOrPoint(target: string, path: string): Promise<void> {
  await link(target, path).catch((thrown: unknown) => {
    if (codeOf(thrown) !== 'EXDEV') throw thrown
    return symlink(target, path)
  })
}

/** What the end of the PID namespace did not end yet, or was started in the network namespace only. */
async function endProcesses(namespace: string, clock: Clock): Promise<void> {
  await until(`processes of ${namespace} have ended`, { clock, deadlineMs: 10_000 }, async () => {
    const script =
      'pids=$(ip netns pids "$1"); [ -z "$pids" ] || { kill -KILL $pids 2>/dev/null; echo more; }'
    const { stdout } = await runProcess(['sh', '-c', script, 'sh', namespace], clock, { deadlineMs: 10_000 })
    return stdout === ''
  })
}

/** A node that lost its power has no pods' interfaces when it comes back. */
async function removePodInterfaces(namespace: Namespace): Promise<void> {
  const script =
    'for each in $(ls /sys/class/net); do case $each in veth*|cbr0) ip link del "$each" 2>/dev/null;; esac; done; true'
  await namespace.run(['sh', '-c', script])
}
