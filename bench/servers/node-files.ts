/** The kernel's files of a node with one routed device for each pod, written to a folder. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface NodeFiles {
  readonly proc: string
  readonly sys: string
  remove(): void
}

/** As /proc/net/route and /sys/class/net would be; reading them costs some tens of microseconds less than the kernel's own. */
export function writeNodeFiles(addresses: readonly string[]): NodeFiles {
  const folder = mkdtempSync(join(tmpdir(), 'podid-bench-node-'))
  const [proc, sys] = [join(folder, 'proc'), join(folder, 'sys')]
  mkdirSync(join(proc, 'net'), { recursive: true })
  const rows = ['Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT']
  for (const [index, address] of addresses.entries()) {
    const word = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
    rows.push(
      `azv${index}\t${word.toReversed().join('').toUpperCase()}\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0`,
    )
    mkdirSync(join(sys, 'class', 'net', `azv${index}`), { recursive: true })
  }
  // The first pod, which is the one that asks, is the last of the table.
  const [head = '', first = '', ...rest] = rows
  writeFileSync(
    join(proc, 'net', 'route'),
    [head, ...rest, first].map((row) => `${row.padEnd(127)}\n`).join(''),
  )
  return { proc, sys, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
