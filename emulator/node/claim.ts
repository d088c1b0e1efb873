import { link, mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Clock } from '../../src/base/clock.ts'
import { codeOf } from '../../src/base/errors.ts'
import { overlaps, SANDBOX_COUNT, sandboxAddresses } from './addresses.ts'
import { runProcess } from './process.ts'
import { removeSandbox } from './removal.ts'

/** On a file system that is empty after a reboot, as the namespaces are. */
const CLAIM_DIRECTORY = '/run/podid-sandbox'

const ClaimSchema = v.object({ name: v.string(), pid: v.number(), started: v.string() })

/** The right to one sandbox number, known to every process of this machine. */
export interface Claim {
  readonly index: number
  readonly name: string
  readonly file: string
}

/**
 * Takes the first number that no living process holds and whose subnet is not in use on this machine.
 * @throws Error when all are taken.
 */
export async function claimSandbox(prefix: string, clock: Clock): Promise<Claim> {
  await mkdir(CLAIM_DIRECTORY, { recursive: true })
  const used = await networksInUse(clock)
  const temporary = join(CLAIM_DIRECTORY, `new-${process.pid}-${process.hrtime.bigint()}`)
  try {
    for (let index = 0; index < SANDBOX_COUNT; index += 1) {
      if (overlaps(sandboxAddresses(index).subnet, used)) continue
      const claim = { index, name: `${prefix}${index}`, file: join(CLAIM_DIRECTORY, `${index}.claim`) }
      const started = await startOf(process.pid)
      await writeFile(temporary, JSON.stringify({ name: claim.name, pid: process.pid, started }))
      if (!(await takeClaim(temporary, claim))) continue
      await removeUnclaimed(claim, clock)
      return claim
    }
  } finally {
    await unlink(temporary).catch(ignoreMissing)
  }
  throw new Error(`all ${SANDBOX_COUNT} sandbox subnets of 198.19.0.0/16 are in use on this machine`)
}

/** A hard link appears with its content or not at all, and only one process can make it. */
async function takeClaim(temporary: string, claim: Claim): Promise<boolean> {
  try {
    await link(temporary, claim.file)
  } catch (thrown) {
    if (codeOf(thrown) === 'EEXIST') return false
    throw thrown
  }
  const names = await readdir(CLAIM_DIRECTORY)
  if (!names.some((name) => name.startsWith(`${claim.index}.removing-`))) return true
  // Another process is still removing what an earlier holder of this number left.
  await unlink(claim.file)
  return false
}

/**
 * Namespaces may bear a name that nobody claims, when somebody deleted the claim's file. Whoever holds
 * the number now owns the name.
 */
async function removeUnclaimed(claim: Claim, clock: Clock): Promise<void> {
  const namespaces = await readdir('/run/netns').catch(ignoreMissing)
  if (namespaces?.some((each) => each.startsWith(`${claim.name}-`)) !== true) return
  await removeSandbox(claim.name, '', clock)
}

/** Removes what killed processes left behind. */
export async function removeLeftovers(clock: Clock): Promise<void> {
  const names = await readdir(CLAIM_DIRECTORY).catch(ignoreMissing)
  for (const name of names ?? []) {
    const index = /^(\d+)\.(?:claim|removing-\d+)$/.exec(name)?.[1]
    if (index === undefined) continue
    const file = join(CLAIM_DIRECTORY, name)
    const owner = await readClaim(file)
    if (owner === undefined || (await isAlive(owner)) || (await removerLives(name))) continue
    const mine = join(CLAIM_DIRECTORY, `${index}.removing-${process.pid}`)
    const won = await rename(file, mine).then(() => true, ignoreMissing)
    if (won !== true) continue
    const taken = await readClaim(mine)
    // Between our look and our move the number may have been cleaned up and claimed anew.
    if (taken !== undefined && (await isAlive(taken))) await rename(mine, file)
    else await removeSandbox(owner.name, mine, clock)
  }
}

async function readClaim(file: string): Promise<v.InferOutput<typeof ClaimSchema> | undefined> {
  const text = await readFile(file, 'utf8').catch(ignoreMissing)
  return text === undefined ? undefined : v.parse(ClaimSchema, JSON.parse(text))
}

async function isAlive(owner: { pid: number; started: string }): Promise<boolean> {
  return (await startOf(owner.pid)) === owner.started
}

async function removerLives(name: string): Promise<boolean> {
  const pid = /\.removing-(\d+)$/.exec(name)?.[1]
  return pid !== undefined && pid !== String(process.pid) && (await startOf(Number(pid))) !== undefined
}

/** Start time of a process in clock ticks (field 22 of /proc/pid/stat): a pid alone may be reused. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(ignoreMissing)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

/** Addresses and routes of this namespace, as `a.b.c.d/n`. */
async function networksInUse(clock: Clock): Promise<string[]> {
  const [routes, addresses] = await Promise.all([
    runProcess(['ip', '-4', '-o', 'route', 'show', 'table', 'all'], clock, { deadlineMs: 10_000 }),
    runProcess(['ip', '-4', '-o', 'addr', 'show'], clock, { deadlineMs: 10_000 }),
  ])
  return `${routes.stdout}\n${addresses.stdout}`.match(/\d+\.\d+\.\d+\.\d+(?:\/\d+)?/g) ?? []
}

/** For files that another process may take away at any time. */
function ignoreMissing(thrown: unknown): undefined {
  if (codeOf(thrown) === 'ENOENT' || codeOf(thrown) === 'ESRCH') return undefined
  throw thrown
}
