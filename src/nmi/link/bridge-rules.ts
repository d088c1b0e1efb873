import type { CommandRunner } from '../redirect/command-runner.ts'
import { isDeviceName } from './device-name.ts'

/** A pod's place on a bridge: only this port may use the two addresses. */
export interface GuardedPlace {
  readonly device: string
  /** IPv4. */
  readonly address: string
  readonly mac: string
}

/** Chains of our own in ebtables' table nat, whose PREROUTING comes before a bridge learns. */
const CHAIN = 'podid-guard-'

/** Both tools of ebtables are one program with iptables; only the nf_tables kind is in the image. */
const PROGRAM = 'xtables-nft-multi'

/** True for what can be written into a rule; a `+` at the end of a device would stand for several. */
export function isGuardable({ device, address, mac }: GuardedPlace): boolean {
  return (
    isDeviceName(device) &&
    /^[\w.@-]+$/.test(device) &&
    /^\d+(?:\.\d+){3}$/.test(address) &&
    /^[\da-f]{2}(?::[\da-f]{2}){5}$/.test(mac)
  )
}

/**
 * The rules of all places, in a stable order. Protocols are numbers, as the image has no /etc/ethertypes. Of IP packets
 * only those to IMDS are dropped: an address that has moved to another pod unnoticed loses nothing else by them.
 */
export function guardRules(places: readonly GuardedPlace[], metadataIp: string): string {
  return places
    .flatMap(({ device, address, mac }) => [
      `-i ! ${device} -s ${mac} -j DROP\n`,
      `-p 0x0806 -i ! ${device} --arp-ip-src ${address} -j DROP\n`,
      `-p 0x0800 -i ! ${device} --ip-src ${address} --ip-dst ${metadataIp} -j DROP\n`,
    ])
    .toSorted()
    .join('')
}

/** Writes the rules of one agent, in one batch: all of them stand or what was there before. @throws Error */
export async function restoreGuard(run: CommandRunner, name: string, rules: string): Promise<void> {
  const chain = CHAIN + name
  const jumps = await saved(run, (line) => line === jumpTo(chain))
  const lines = rules.split('\n').filter((line) => line !== '')
  // Naming the chain empties it.
  await restore(run, [
    `:${chain} RETURN`,
    ...lines.map((line) => `-A ${chain} ${line}`),
    ...(jumps.length > 0 ? [] : [`-I PREROUTING 1 -j ${chain}`]),
  ])
}

/** Names of the agents that have rules on this node. @throws Error */
export async function readGuards(run: CommandRunner): Promise<readonly string[]> {
  const lines = await saved(run, (line) => line.startsWith(`:${CHAIN}`))
  return lines.map((line) => line.slice(CHAIN.length + 1).split(' ')[0] ?? '')
}

/** Takes away the rules of these agents, as far as they are there. @throws Error */
export async function removeGuards(run: CommandRunner, names: readonly string[]): Promise<void> {
  const lines = await saved(run, (line) => line.includes(CHAIN))
  for (const chain of names.map((name) => CHAIN + name)) {
    if (!lines.some((line) => line.startsWith(`:${chain} `))) continue
    const jumps = lines.filter((line) => line === jumpTo(chain))
    await restore(run, [`:${chain} RETURN`, ...jumps.map(() => `-D PREROUTING -j ${chain}`), `-X ${chain}`])
  }
}

function jumpTo(chain: string): string {
  return `-A PREROUTING -j ${chain}`
}

async function saved(run: CommandRunner, keepLine: (line: string) => boolean): Promise<readonly string[]> {
  const { code, lines, stderr } = await run({ file: PROGRAM, args: ['ebtables-save'], keepLine })
  if (code !== 0) throw new Error(`ebtables-save: ${stderr}`)
  return lines
}

async function restore(run: CommandRunner, lines: readonly string[]): Promise<void> {
  const stdin = ['*nat', ...lines, ''].join('\n')
  const { code, stderr } = await run({ file: PROGRAM, args: ['ebtables-restore', '--noflush'], stdin })
  if (code !== 0) throw new Error(`ebtables-restore: ${stderr}`)
}
