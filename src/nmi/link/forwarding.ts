/** Size of one entry: struct __fdb_entry of include/uapi/linux/if_bridge.h. */
const ENTRY = 16

/**
 * The port by which a bridge last heard a hardware address, in the bytes of its `brforward` file. Undefined when it has
 * not, when the address is the bridge's own, and when several ports (of several VLANs) have it.
 */
export function portOf(entries: Buffer, mac: string): number | undefined {
  const wanted = Buffer.from(mac.replaceAll(':', ''), 'hex')
  if (wanted.length !== 6) return undefined
  let port: number | undefined
  for (let at = entries.indexOf(wanted); at >= 0; at = entries.indexOf(wanted, at + 1)) {
    if (at % ENTRY !== 0 || at + ENTRY > entries.length) continue
    if (entries.readUInt8(at + 7) !== 0) return undefined
    const heard = entries.readUInt8(at + 6) + entries.readUInt8(at + 12) * 256
    if (port !== undefined && port !== heard) return undefined
    port = heard
  }
  return port
}
