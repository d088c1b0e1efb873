import { isIPv4 } from 'node:net'

/**
 * Sandboxes live in 198.19.0.0/16, the upper half of the range that RFC 2544 reserves for testing
 * network devices: it is routed nowhere. Sandbox number N owns 198.19.N.0/24.
 */
export const SANDBOX_COUNT = 256

export interface SandboxAddresses {
  readonly subnet: string
  /** The end of the link in the namespace of the caller: emulators listen here. */
  readonly host: string
  readonly node: string
  readonly node6: string
  /** The fabric's own address on the link to the host. */
  readonly azure: string
  /** Pods live in the upper half of the subnet. */
  readonly podRange: string
  /** Address of the node on the pods' bridge. */
  readonly bridge: string
  readonly podRange6: string
  readonly bridge6: string
}

const FIRST_POD = 130
const LAST_POD = 254

export function sandboxAddresses(index: number): SandboxAddresses {
  const prefix = `198.19.${index}`
  const prefix6 = prefixOf6(index)
  return {
    subnet: `${prefix}.0/24`,
    host: `${prefix}.1`,
    node: `${prefix}.2`,
    node6: `${prefix6}:1::2`,
    azure: `${prefix}.3`,
    podRange: `${prefix}.128/25`,
    bridge: `${prefix}.129`,
    podRange6: `${prefix6}:2::/64`,
    bridge6: `${prefix6}:2::129`,
  }
}

/** Every address a pod of that sandbox may have, in order. */
export function podAddresses(index: number): string[] {
  return Array.from({ length: LAST_POD - FIRST_POD + 1 }, (_, at) => `198.19.${index}.${FIRST_POD + at}`)
}

/** The IPv6 address that belongs to a pod's IPv4 address (unique local, RFC 4193). */
export function pod6Of(index: number, ip: string): string {
  return `${prefixOf6(index)}:2::${ip.split('.')[3] ?? ''}`
}

function prefixOf6(index: number): string {
  return `fd70:6f64:${index.toString(16)}`
}

/** True when one of the addresses or networks (`a.b.c.d` or `a.b.c.d/n`) shares an address with `subnet`. */
export function overlaps(subnet: string, others: readonly string[]): boolean {
  const wanted = networkOf(subnet)
  return others.some((other) => {
    const network = networkOf(other)
    if (wanted === undefined || network === undefined || network.bits === 0) return false
    const bits = Math.min(wanted.bits, network.bits)
    return maskTo(wanted.value, bits) === maskTo(network.value, bits)
  })
}

function networkOf(text: string): { value: number; bits: number } | undefined {
  const [address = '', bits = '32'] = text.split('/')
  if (!isIPv4(address)) return undefined
  return { value: address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0), bits: Number(bits) }
}

function maskTo(value: number, bits: number): number {
  return Math.floor(value / 2 ** (32 - bits))
}
