import { isDeviceName } from './device-name.ts'

/** How the node reaches an address. */
export interface Route {
  readonly device: string
  /** A route for this one address. */
  readonly host: boolean
}

/** How the node reaches each address, by one table. */
export type Routes = (address: string) => Route | undefined

/** Flags of a route (include/uapi/linux/route.h, include/uapi/linux/ipv6_route.h). */
const UP = 0x1
const GATEWAY = 0x2
const REJECT = 0x200
const LOCAL = 0x8000_0000

const WORD = /^[0-9A-F]{8}$/
const ONE_ADDRESS = 0xffff_ffff

/**
 * The routes to IPv4 addresses in the text of /proc/net/route: the longest prefix, of several the first, as
 * the kernel sorts them by metric. Undefined when there is none, or when the address is not on a link of
 * the node (a gateway, a rejecting route). The columns are those of fib_route_seq_show in
 * net/ipv4/fib_trie.c: 32-bit words in hexadecimal, in the byte order of a little-endian machine.
 */
export function routes4(text: string): Routes {
  // Taken apart for the first address that has no route of its own.
  let rows: readonly Row[] | undefined
  return (address) => {
    const wanted = wordOf(address)
    const own = ownRoute(text, wanted)
    if (own !== undefined) return usable(own.device, own.flags, true)
    rows ??= rowsOf(text)
    return widerRoute(rows, numberOf(wanted))
  }
}

/** The row for this one address. */
function ownRoute(text: string, wanted: string): Row | undefined {
  // Most pods have a route of their own: found without reading the table.
  for (let at = text.indexOf(`\t${wanted}\t`); at >= 0; at = text.indexOf(`\t${wanted}\t`, at + 1)) {
    const end = text.indexOf('\n', at)
    const row = rowOf(text.slice(text.lastIndexOf('\n', at) + 1, end < 0 ? undefined : end))
    if (row?.mask === ONE_ADDRESS && row.network === numberOf(wanted)) return row
  }
  return undefined
}

function rowsOf(text: string): Row[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => rowOf(line) ?? [])
}

function widerRoute(rows: readonly Row[], wanted: number): Route | undefined {
  let best: Row | undefined
  for (const row of rows) {
    if ((wanted & row.mask) >>> 0 !== row.network) continue
    // A mask with more leading ones is the greater number.
    if (best === undefined || best.mask < row.mask) best = row
  }
  return best === undefined ? undefined : usable(best.device, best.flags, best.mask === ONE_ADDRESS)
}

interface Row {
  readonly device: string
  readonly network: number
  readonly mask: number
  readonly flags: string
}

function rowOf(line: string): Row | undefined {
  const [device = '', destination = '', , flags = '', , , , maskText = ''] = line.split('\t')
  if (!WORD.test(destination) || !WORD.test(maskText)) return undefined
  return { device, network: numberOf(destination), mask: numberOf(maskText), flags }
}

/** The same for host routes to IPv6 addresses in the text of /proc/net/ipv6_route; wider ones are not looked at. */
export function hostRoutes6(text: string): Routes {
  return (address) => hostRoute6(text, address)
}

function hostRoute6(text: string, address: string): Route | undefined {
  const wanted = `${hexOf6(address)} 80 `
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    if (at > 0 && text[at - 1] !== '\n') continue
    const end = text.indexOf('\n', at)
    const fields = text.slice(at, end < 0 ? undefined : end).split(/ +/)
    const [, , , , gateway = '', , , , flagText = '', device = ''] = fields
    const flags = Number.parseInt(flagText, 16)
    if (!/^0{32}$/.test(gateway) || (flags & LOCAL) !== 0) continue
    const route = usable(device, flagText, true)
    if (route !== undefined) return route
  }
  return undefined
}

function usable(device: string, flagText: string, host: boolean): Route | undefined {
  const flags = Number.parseInt(flagText, 16)
  const onLink = (flags & UP) !== 0 && (flags & (GATEWAY | REJECT)) === 0
  return onLink && isDeviceName(device) ? { device, host } : undefined
}

/** 10.1.0.10 is `0A00010A`. */
function wordOf(address: string): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
  return bytes.toReversed().join('').toUpperCase()
}

/** Back to a number in the order of the network. */
function numberOf(word: string): number {
  const little = Number.parseInt(word, 16)
  return (
    (((little & 0xff) << 24) | ((little & 0xff00) << 8) | ((little >>> 8) & 0xff00) | (little >>> 24)) >>> 0
  )
}

/** A canonical IPv6 address as 32 digits. */
function hexOf6(address: string): string {
  const [head = '', tail] = address.split('::', 2)
  const groups = (part: string): string[] =>
    part === '' ? [] : part.split(':').map((group) => group.padStart(4, '0'))
  const front = groups(head)
  const back = groups(tail ?? '')
  return [...front, ...Array.from({ length: 8 - front.length - back.length }, () => '0000'), ...back].join('')
}
