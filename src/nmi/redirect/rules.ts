import { isIPv4 } from 'node:net'
import { OperatorError } from '../../base/errors.ts'

/** One rule as its words, in the order in which iptables-save prints them. */
export type Rule = readonly string[]

export type TableName = 'nat' | 'raw'

/** A chain of our own and the one jump to it, at position 1 of PREROUTING of the same table. */
export interface WantedChain {
  readonly table: TableName
  readonly name: string
  readonly rules: readonly Rule[]
}

/** The name that the old node agent used: an upgrade takes the chain over, and either one removes it. */
export const REDIRECT_CHAIN = 'aad-metadata'

/** Keeps route_localnet from opening the node's loopback services to its neighbours. */
export const GUARD_CHAIN = 'aad-metadata-guard'

/** Every chain that podid may make, for whoever removes them. */
export const OWN_CHAINS: ReadonlyArray<readonly [TableName, string]> = [
  ['nat', REDIRECT_CHAIN],
  ['raw', GUARD_CHAIN],
]

export const HOOK = 'PREROUTING'

export interface RedirectAddresses {
  /** Where pods believe IMDS to be, IPv4. */
  readonly metadataIp: string
  readonly metadataPort: number
  /** Where the node agent listens: an address, `localhost` or a wildcard. */
  readonly listenAddress: string
  readonly listenPort: number
}

/**
 * The address that redirected connections go to: 127.0.0.1 when the agent listens there (also by a
 * wildcard), else the listen address. @throws OperatorError when that cannot be a target.
 */
export function targetAddress(listenAddress: string): string {
  if (['', 'localhost', '0.0.0.0', '::', '[::]'].includes(listenAddress)) return '127.0.0.1'
  if (isIPv4(listenAddress)) return listenAddress
  throw new OperatorError(
    `--nmi-listen-address ${listenAddress}: IMDS has an IPv4 address, so its requests can only be redirected to an IPv4 address; use 127.0.0.1 or the node's IPv4 address`,
  )
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.')
}

/** All chains that should stand. @throws OperatorError for addresses that cannot be redirected. */
export function wantedChains(addresses: RedirectAddresses): readonly WantedChain[] {
  const target = targetAddress(addresses.listenAddress)
  if (!isIPv4(addresses.metadataIp)) {
    throw new OperatorError(`--metadata-ip ${addresses.metadataIp} is not an IPv4 address`)
  }
  const redirect: WantedChain = {
    table: 'nat',
    name: REDIRECT_CHAIN,
    rules: [redirectRule(addresses, target), ['-j', 'RETURN']],
  }
  return isLoopback(target) ? [redirect, loopbackGuard()] : [redirect]
}

function redirectRule(addresses: RedirectAddresses, target: string): Rule {
  const { metadataIp, metadataPort, listenPort } = addresses
  const match = `! -s 127.0.0.1/32 -d ${metadataIp}/32 -p tcp -m tcp --dport ${metadataPort}`
  return `${match} -j DNAT --to-destination ${target}:${listenPort}`.split(' ')
}

/**
 * A redirect to 127.0.0.1 needs route_localnet, and with it any host on the node's links could talk to
 * everything that listens on the node's loopback (CVE-2020-8558). Table raw sees packets before the
 * redirect, so what is addressed to loopback there and did not come from lo is never ours.
 */
function loopbackGuard(): WantedChain {
  return { table: 'raw', name: GUARD_CHAIN, rules: [['-d', '127.0.0.0/8', '!', '-i', 'lo', '-j', 'DROP']] }
}

/** The rule that leads to a chain. */
export function jumpTo(chain: string): Rule {
  return ['-j', chain]
}

/** True for every rule that leads to the chain, whatever it matches before. */
export function leadsTo(rule: Rule, chain: string): boolean {
  const flag = rule.at(-2)
  return rule.at(-1) === chain && (flag === '-j' || flag === '-g')
}
