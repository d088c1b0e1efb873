/** The network devices of a node, told in the words of the kernel's files. */
import type { LinkFiles } from '../../src/nmi/link/link-files.ts'

interface Device {
  readonly name: string
  readonly inode: number
  /** Of the bridge's port. */
  readonly port?: number
}

interface Neighbour {
  readonly mac: string
  readonly complete: boolean
}

const BRIDGE = 'cbr0'
const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'

/** A node with routed devices (Azure CNI) and with ports of the bridge cbr0 (kubenet), for 10.244.0.0/16. */
export class FakeLinks implements LinkFiles {
  readonly #devices = new Map<string, Device>()
  readonly #routes = new Map<string, string>()
  readonly #neighbours = new Map<string, Neighbour>()
  readonly #heard = new Map<string, string>()
  #inodes = 100
  reads = 0
  /** False: the node has no bridge, so other addresses are behind a gateway. */
  bridged = true
  /** The table of routes is longer than what is read. */
  overlong = false

  /** A new device with a route for the address. */
  route(address: string, name: string): void {
    this.#devices.set(name, { name, inode: this.#inode() })
    this.#routes.set(address, name)
  }

  /** One more route over a device that is there. */
  share(address: string, name: string): void {
    this.#routes.set(address, name)
  }

  /** A new port of the bridge; nothing has been heard from it. */
  plug(name: string): void {
    const taken = new Set([...this.#devices.values()].map((device) => device.port))
    let port = 1
    while (taken.has(port)) port += 1
    this.#devices.set(name, { name, inode: this.#inode(), port })
  }

  /** A frame from a port: the bridge learns where the hardware address is, the node whose address it has. */
  hear(name: string, address: string, mac = kubenetMac(address)): void {
    this.#heard.set(mac, name)
    this.#neighbours.set(address, { mac, complete: true })
  }

  /** The neighbour table lets go of an address that was silent. */
  fall(address: string): void {
    this.#neighbours.delete(address)
  }

  /** The device goes, with its route and what was heard from it; the neighbour table keeps its entry. */
  remove(name: string): void {
    this.#devices.delete(name)
    for (const [address, device] of this.#routes) if (device === name) this.#routes.delete(address)
    for (const [mac, device] of this.#heard) if (device === name) this.#heard.delete(mac)
  }

  read(path: string): { bytes: Buffer; whole: boolean } | undefined {
    this.reads += 1
    const bytes = this.#bytes(path)
    return bytes === undefined ? undefined : { bytes, whole: !(this.overlong && path.endsWith('route')) }
  }

  names(path: string): readonly string[] {
    const all = [...this.#devices.values()]
    if (path === `/sys/class/net/${BRIDGE}/brif`)
      return all.filter((device) => device.port !== undefined).map((device) => device.name)
    return path === '/sys/class/net' ? ['lo', 'eth0', BRIDGE, ...all.map((device) => device.name)] : []
  }

  inode(path: string): number | undefined {
    const name = path.slice('/sys/class/net/'.length)
    const own = ['lo', 'eth0', BRIDGE].indexOf(name)
    return own >= 0 ? own + 1 : this.#devices.get(name)?.inode
  }

  #inode(): number {
    this.#inodes += 1
    return this.#inodes
  }

  #bytes(path: string): Buffer | undefined {
    if (path === '/proc/net/route') return Buffer.from(this.#routeText())
    if (path === '/proc/net/ipv6_route') return Buffer.from('')
    if (path === '/proc/net/arp') return Buffer.from(this.#arpText())
    if (path === `/sys/class/net/${BRIDGE}/brforward` && this.bridged) return this.#forwarding()
    const name = /^\/sys\/class\/net\/cbr0\/brif\/([^/]+)\/port_no$/.exec(path)?.[1]
    const port = this.#devices.get(name ?? '')?.port
    return port === undefined ? undefined : Buffer.from(`0x${port.toString(16)}\n`)
  }

  #routeText(): string {
    const rows = [...this.#routes].map(
      ([address, name]) => `${name}\t${word(address)}\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0`,
    )
    rows.push('eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0')
    if (this.bridged) rows.push(`${BRIDGE}\t0000F40A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0`)
    return [HEAD, ...rows].map((row) => `${row.padEnd(127)}\n`).join('')
  }

  #arpText(): string {
    const head = 'IP address       HW type     Flags       HW address            Mask     Device\n'
    const rows = [...this.#neighbours].map(
      ([address, { mac, complete }]) =>
        `${address.padEnd(16)} 0x1         ${complete ? '0x2' : '0x0'}         ${mac}     *        ${BRIDGE}\n`,
    )
    return head + rows.join('')
  }

  #forwarding(): Buffer {
    const entries = [...this.#heard].map(([mac, name]) => {
      const entry = Buffer.alloc(16)
      entry.write(mac.replaceAll(':', ''), 'hex')
      entry.writeUInt8(this.#devices.get(name)?.port ?? 0, 6)
      return entry
    })
    return Buffer.concat(entries)
  }
}

/** kubenet and the bridge plugin make it of the address. */
function kubenetMac(address: string): string {
  return ['0a', '58', ...bytesOf(address)].join(':')
}

function word(address: string): string {
  return bytesOf(address).toReversed().join('').toUpperCase()
}

function bytesOf(address: string): string[] {
  return address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
}
