import { readFile } from 'node:fs/promises'
import type { Clock } from '../../src/base/clock.ts'
import { codeOf, errorText } from '../../src/base/errors.ts'
import { runProcess } from './process.ts'

export interface ProbeResult {
  readonly usable: boolean
  /** What is missing, each a phrase that can stand after "missing: ". */
  readonly missing: readonly string[]
}

/** Linux capabilities by bit (linux/capability.h). */
const NEEDED_CAPABILITIES: ReadonlyArray<readonly [name: string, bit: number]> = [
  ['CAP_NET_ADMIN', 12],
  ['CAP_NET_RAW', 13],
  ['CAP_SYS_ADMIN', 21],
]

const TOOLS: ReadonlyArray<readonly [argv: readonly string[], from: string]> = [
  [['ip', '-V'], 'the program ip (Debian package iproute2)'],
  [['iptables-restore', '--version'], 'the program iptables-restore (Debian package iptables)'],
]

const PROBE_DEADLINE_MS = 10_000

/** Says whether `createNodeSandbox` can work here, by trying the parts of it. Changes nothing that stays. */
export async function probeNodeSandbox(clock: Clock): Promise<ProbeResult> {
  if (process.platform !== 'linux') return { usable: false, missing: ['Linux'] }
  const missing: string[] = []
  if (process.geteuid?.() !== 0) missing.push('root')
  missing.push(...(await missingCapabilities()), ...(await missingTools(clock)))
  if (missing.length === 0) missing.push(...(await failedTrial(clock)))
  return { usable: missing.length === 0, missing }
}

async function missingCapabilities(): Promise<string[]> {
  const status = await readFile('/proc/self/status', 'utf8')
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  return NEEDED_CAPABILITIES.filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n).map(
    ([name]) => name,
  )
}

async function missingTools(clock: Clock): Promise<string[]> {
  const found = await Promise.all(
    TOOLS.map(async ([argv, from]) => {
      try {
        await runProcess(argv, clock, { deadlineMs: PROBE_DEADLINE_MS })
        return undefined
      } catch (thrown) {
        return codeOf(thrown) === 'ENOENT' ? from : `${from}: ${errorText(thrown)}`
      }
    }),
  )
  return found.filter((each) => each !== undefined)
}

/** Capabilities may be there and namespaces still forbidden (seccomp, a container without mounts). */
async function failedTrial(clock: Clock): Promise<string[]> {
  const name = `podidprobe-${process.pid}-${process.hrtime.bigint()}`
  const nat = ['iptables-restore', '--test']
  const steps = [
    ['ip', 'netns', 'add', name],
    ['ip', '-n', name, 'link', 'add', 'a0', 'type', 'veth', 'peer', 'name', 'b0'],
    ['ip', 'netns', 'exec', name, ...nat],
  ]
  try {
    for (const argv of steps) {
      await runProcess(argv, clock, { stdin: '*nat\nCOMMIT\n', deadlineMs: PROBE_DEADLINE_MS })
    }
    return []
  } catch (thrown) {
    return [`network namespaces with veth and iptables (${errorText(thrown)})`]
  } finally {
    await runProcess(['ip', 'netns', 'del', name], clock, { deadlineMs: PROBE_DEADLINE_MS }).catch(() => {})
  }
}
