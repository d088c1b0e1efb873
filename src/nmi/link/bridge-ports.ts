import { isDeviceName } from './device-name.ts'
import type { LinkFiles } from './link-files.ts'

/** A bridge has at most 1,024 ports (BR_MAX_PORTS). */
const MAX_PORTS = 1_024

/** Number of a bridge's port -> the device that is this port now. */
export type BridgePorts = (bridge: string, port: number) => string | undefined

/** Numbers are given again when a port leaves, so what is remembered is confirmed by one read each time. */
export function createBridgePorts(files: LinkFiles, sys: string): BridgePorts {
  const remembered = new Map<string, Map<number, string>>()

  function numberOf(bridge: string, device: string): number | undefined {
    const text = files
      .read(`${sys}/class/net/${bridge}/brif/${device}/port_no`)
      ?.bytes.toString('latin1')
      .trim()
    return text !== undefined && /^0x[0-9a-f]{1,4}$/.test(text) ? Number(text) : undefined
  }

  function listed(bridge: string): Map<number, string> {
    const ports = new Map<number, string>()
    for (const device of files.names(`${sys}/class/net/${bridge}/brif`).slice(0, MAX_PORTS)) {
      const number = isDeviceName(device) ? numberOf(bridge, device) : undefined
      if (number !== undefined) ports.set(number, device)
    }
    return ports
  }

  return (bridge, port) => {
    const known = remembered.get(bridge)?.get(port)
    if (known !== undefined && numberOf(bridge, known) === port) return known
    const ports = listed(bridge)
    remembered.set(bridge, ports)
    return ports.get(port)
  }
}
