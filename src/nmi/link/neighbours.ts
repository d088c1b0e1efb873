/** ATF_COM of include/uapi/linux/if_arp.h: the neighbour has answered. */
const COMPLETE = 0x2

/**
 * The hardware address that a device's neighbour table has for an IPv4 address, lower-case with colons, in the text
 * of /proc/net/arp (arp_format_neigh_entry in net/ipv4/arp.c). Undefined when it has none.
 */
export function neighbourOf(text: string, address: string, device: string): string | undefined {
  const wanted = `\n${address} `
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const end = text.indexOf('\n', at + 1)
    const [, , flags = '', mac = '', , on] = text.slice(at + 1, end < 0 ? undefined : end).split(/ +/)
    if (on !== device || (Number(flags) & COMPLETE) === 0) continue
    if (/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(mac)) return mac
  }
  return undefined
}
