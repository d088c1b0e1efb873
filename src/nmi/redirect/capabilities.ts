import type { HostFiles } from './host-files.ts'

/** Bits of capabilities(7). */
const BITS = { NET_ADMIN: 12, NET_RAW: 13 } as const

export type Capability = keyof typeof BITS

/** Which of the capabilities this process lacks, by CapEff of /proc/self/status. */
export async function missingCapabilities(
  files: HostFiles,
  needed: readonly Capability[],
): Promise<Capability[]> {
  const status = await files.read('/proc/self/status')
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-fA-F]+)$/m.exec(status)?.[1] ?? '0'}`)
  return needed.filter((name) => ((effective >> BigInt(BITS[name])) & 1n) === 0n)
}
