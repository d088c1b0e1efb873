import { isIPv4 } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { createBridgePorts } from './bridge-ports.ts'
import { portOf } from './forwarding.ts'
import type { FileText, LinkFiles } from './link-files.ts'
import { neighbourOf } from './neighbours.ts'
import { hostRoutes6, type Route, type Routes, routes4 } from './routes.ts'

/**
 * One network device of the node, from its creation to its end. The number is that of its folder in sysfs,
 * which no later device gets; an interface index is given again when a device came out of another namespace.
 */
export interface Link {
  readonly device: string
  readonly id: number
  /** A port of a bridge, which neighbours can make believe that an address is theirs. */
  readonly bridged: boolean
  /** The hardware address that the bridge has heard there for this address; of ports only. */
  readonly mac?: string
}

/**
 * Where an address is: on a link; on a bridge that has not heard it; where these files tell nothing; or `overlong`: the
 * table of routes is too long to be read.
 */
export type Place = Link | 'unheard' | 'unknown' | 'overlong'

export interface LinkTable {
  /** What the files say, or said some milliseconds ago. */
  locate(address: string): Place
  /** From now on only what the files say after this call. */
  refresh(): void
}

/**
 * How long an answer is used. No address goes from one pod to the next within it: a container takes longer
 * to start. It bounds what connections in a burst cost.
 */
const FRESH_MS = 5
/** Reading takes at most a twentieth of the time, when somebody has blown up a table. */
const REST = 20
const LONGEST_FRESH_MS = 100

export function createLinkTable(deps: {
  readonly files: LinkFiles
  readonly clock: Clock
  readonly proc?: string
  readonly sys?: string
}): LinkTable {
  const { files, clock, proc = '/proc', sys = '/sys' } = deps
  const ports = createBridgePorts(files, sys)
  const texts = new Map<string, FileText | undefined>()
  const routes = new Map<'4' | '6', Routes>()
  const places = new Map<string, Place>()
  let freshUntil = -Infinity

  function renew(at: number): void {
    texts.clear()
    routes.clear()
    places.clear()
    freshUntil = at + FRESH_MS
  }

  function fileOf(path: string): FileText | undefined {
    if (texts.has(path)) return texts.get(path)
    const text = files.read(path)
    texts.set(path, text)
    return text
  }

  function routeTo(address: string): Route | 'overlong' | undefined {
    const v4 = isIPv4(address)
    const file = fileOf(`${proc}/net/${v4 ? 'route' : 'ipv6_route'}`)
    if (file === undefined) return undefined
    if (!file.whole) return 'overlong'
    const family = v4 ? '4' : '6'
    // Read as text once for all addresses: on some nodes it is long.
    const known = routes.get(family) ?? (v4 ? routes4 : hostRoutes6)(file.bytes.toString('latin1'))
    routes.set(family, known)
    return known(address)
  }

  function link(device: string, mac?: string): Place {
    const id = files.inode(`${sys}/class/net/${device}`)
    if (id === undefined) return 'unknown'
    return mac === undefined ? { device, id, bridged: false } : { device, id, bridged: true, mac }
  }

  /** What is missing from here on counts as not heard: who floods a table must not get anywhere by it. */
  function onBridge(bridge: string, entries: Buffer, address: string): Place {
    const neighbours = fileOf(`${proc}/net/arp`)?.bytes.toString('latin1') ?? ''
    const mac = neighbourOf(neighbours, address, bridge)
    const port = mac === undefined ? undefined : portOf(entries, mac)
    const device = port === undefined ? undefined : ports(bridge, port)
    const place = device === undefined ? 'unheard' : link(device, mac)
    return place === 'unknown' ? 'unheard' : place
  }

  function look(address: string): Place {
    const route = routeTo(address)
    if (route === undefined) return 'unknown'
    if (route === 'overlong') return 'overlong'
    const forwarding = fileOf(`${sys}/class/net/${route.device}/brforward`)
    // The neighbour table of IPv6 is in no file.
    if (forwarding !== undefined)
      return isIPv4(address) ? onBridge(route.device, forwarding.bytes, address) : 'unknown'
    return route.host ? link(route.device) : 'unknown'
  }

  return {
    locate(address) {
      const begun = clock.monotonic()
      if (begun >= freshUntil) renew(begun)
      const known = places.get(address)
      if (known !== undefined) return known
      const place = look(address)
      places.set(address, place)
      const ended = clock.monotonic()
      freshUntil = Math.max(freshUntil, ended + Math.min(LONGEST_FRESH_MS, (ended - begun) * REST))
      return place
    },
    refresh() {
      freshUntil = -Infinity
    },
  }
}
