/** The right to one cluster number on this machine, and what is removed when its holder is dead. */
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProcess } from '../../../emulator/node/process.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { codeOf } from '../../../src/base/errors.ts'
import { CLUSTER_COUNT, clusterAddresses } from './addresses.ts'
import { removeCgroups } from './cgroups.ts'
import { processStart } from './program.ts'

/** On a file system that is empty after a reboot, as the namespaces are. */
const CLAIMS = '/run/podid-e2e'

export interface Claim {
  readonly index: number
  /** State and logs of the cluster; removed with it. */
  readonly folder: string
  /** A file for each program of the cluster: `<pid> <start>`. */
  readonly pids: string
}

/** Takes a free number, after removing what dead holders left. @throws Error when all are taken. */
export async function claimCluster(clock: Clock): Promise<Claim> {
  await mkdir(CLAIMS, { recursive: true })
  for (let index = 0; index < CLUSTER_COUNT; index += 1) {
    const claim = claimOf(index)
    if (!(await take(claim, clock))) continue
    await mkdir(claim.pids, { recursive: true })
    await mkdir(claim.folder, { recursive: true, mode: 0o700 })
    return claim
  }
  throw new Error(`all ${CLUSTER_COUNT} clusters of this machine are in use`)
}

export function claimOf(index: number): Claim {
  const { name } = clusterAddresses(index)
  return { index, folder: join(tmpdir(), name), pids: join(CLAIMS, `${index}.pids`) }
}

const holderFile = ({ index }: Claim): string => join(CLAIMS, `${index}.holder`)

async function take(claim: Claim, clock: Clock): Promise<boolean> {
  try {
    const file = await open(holderFile(claim), 'wx')
    await file.writeFile(`${process.pid} ${processStart(process.pid) ?? ''}`)
    await file.close()
    return true
  } catch (thrown) {
    if (codeOf(thrown) !== 'EEXIST') throw thrown
  }
  const holder = await readFile(holderFile(claim), 'utf8')
  if (lives(holder)) return false
  await removeCluster(claim, clock)
  return take(claim, clock)
}

function lives(entry: string): boolean {
  const [pid = '', start = ''] = entry.trim().split(' ')
  return start !== '' && processStart(Number(pid)) === start
}

/** Ends every process of the cluster and removes its namespaces, links, cgroups and files. Can be run again. */
export async function removeCluster(claim: Claim, clock: Clock): Promise<void> {
  const { name } = clusterAddresses(claim.index)
  for (const each of existsSync(claim.pids) ? await readdir(claim.pids) : []) {
    const entry = await readFile(join(claim.pids, each), 'utf8')
    if (lives(entry)) process.kill(Number(entry.split(' ')[0]), 'SIGKILL')
  }
  const script = `
name=$1
for ns in $(ip netns list | sed 's/ .*//' | grep "^$name-"); do
  for i in 1 2 3 4 5; do
    pids=$(ip netns pids "$ns"); [ -z "$pids" ] && break
    kill -KILL $pids 2>/dev/null; sleep 0.1
  done
done
ip link del "$name" 2>/dev/null
for ns in $(ip netns list | sed 's/ .*//' | grep "^$name-"); do
  ip netns del "$ns"; rm -rf "/etc/netns/$ns"
done
true`
  await runProcess(['sh', '-c', script, 'sh', name], clock, { deadlineMs: 60_000 })
  await removeCgroups(`${name}-*`, clock)
  await rm(claim.folder, { recursive: true, force: true })
  await rm(claim.pids, { recursive: true, force: true })
  await rm(holderFile(claim), { force: true })
}
