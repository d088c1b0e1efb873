import { isIPv4, isIPv6 } from 'node:net'

const GROUPS = 8

/**
 * The one spelling by which addresses are compared: IPv4 dotted; IPv6 lower-case and compressed as
 * RFC 5952 section 4 says; an IPv4-mapped IPv6 address (`::ffff:10.0.0.1`, what a dual-stack socket
 * reports) becomes the IPv4 address. Undefined when the text is no address, or has a zone
 * (`fe80::1%eth0`): such an address means different hosts on different links.
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text
  if (!isIPv6(text) || text.includes('%')) return undefined
  const groups = groupsOf(text)
  return mappedIPv4(groups) ?? compressed(groups)
}

/** The eight 16-bit numbers of a valid IPv6 address. */
function groupsOf(text: string): number[] {
  const [head = '', tail] = text.split('::', 2)
  const front = parts(head)
  if (tail === undefined) return front
  const back = parts(tail)
  const gap = Array.from({ length: GROUPS - front.length - back.length }, () => 0)
  return [...front, ...gap, ...back]
}

function parts(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part) => (part.includes('.') ? dotted(part) : [Number.parseInt(part, 16)]))
}

/** The last 32 bits may be written as IPv4 (RFC 4291 section 2.2). */
function dotted(text: string): [number, number] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
  return [a * 256 + b, c * 256 + d]
}

function mappedIPv4(groups: readonly number[]): string | undefined {
  const [high = 0, low = 0] = groups.slice(6)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  return isMapped ? `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}` : undefined
}

function compressed(groups: readonly number[]): string {
  const hex = groups.map((group) => group.toString(16))
  const { start, length } = longestZeroRun(groups)
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

/** The first of the longest runs of zero groups: that is the one to compress. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let length = 0
  for (const [position, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0
    if (length > best.length) best = { start: position - length + 1, length }
  }
  return best
}
