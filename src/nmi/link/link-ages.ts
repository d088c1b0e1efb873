import type { Clock } from '../../base/clock.ts'
import { isDeviceName } from './device-name.ts'
import type { LinkFiles } from './link-files.ts'
import type { Link } from './link-table.ts'

/** More devices than a node has; beyond it their age stays unknown. */
const MAX_DEVICES = 4_096
/** A wall clock that moved by more than this against the monotonic one was set. */
const CLOCK_STEP_MS = 500

/** One look at all devices; looks are numbered, since a clock may stand still between two of them. */
interface Look {
  readonly number: number
  /** Monotonic milliseconds. */
  readonly at: number
}

const NEVER: Look = { number: -1, at: -Infinity }

interface Seen {
  readonly id: number
  /** It was not there then. */
  readonly absentIn: Look
  /** It was last confirmed after this look, at this time. */
  seenIn: Look
}

/** What was there when: the kernel keeps no date of a device, so it is looked at. */
export interface LinkAges {
  /** Notes all devices. */
  look(): Look
  /** The last look at which the link was certainly not there yet; number -1 when there is none. */
  absentIn(link: Link): Look
  /** The wall clock at a look; undefined when it was set since, so that its old readings mean nothing. */
  wallAt(look: Look): number | undefined
  /** True while this very device exists. */
  exists(link: Link): boolean
}

export function createLinkAges(deps: {
  readonly files: LinkFiles
  readonly clock: Clock
  readonly sys?: string
}): LinkAges {
  const { files, clock, sys = '/sys' } = deps
  const folder = `${sys}/class/net`
  let known = new Map<string, Seen>()
  let last = NEVER
  let offset: number | undefined
  /** The look that found the wall clock set. */
  let setIn = 0

  const inodeOf = (device: string): number | undefined => files.inode(`${folder}/${device}`)

  function noteClock({ number, at }: Look): void {
    const now = clock.now() - at
    if (offset !== undefined && Math.abs(now - offset) > CLOCK_STEP_MS) setIn = number
    offset = now
  }

  function look(): Look {
    const current = { number: last.number + 1, at: clock.monotonic() }
    noteClock(current)
    const next = new Map<string, Seen>()
    for (const device of files.names(folder).slice(0, MAX_DEVICES)) {
      const before = known.get(device)
      const id = before?.id ?? (isDeviceName(device) ? inodeOf(device) : undefined)
      if (id !== undefined) next.set(device, before ?? { id, absentIn: last, seenIn: current })
    }
    known = next
    last = current
    return current
  }

  /** The device may have been made anew under its name, or be newer than the last look. */
  function note(link: Link): Seen {
    const before = known.get(link.device)
    if (before?.id === link.id) return before
    const seen = { id: link.id, absentIn: before?.seenIn ?? last, seenIn: last }
    if (before !== undefined || known.size < MAX_DEVICES) known.set(link.device, seen)
    return seen
  }

  return {
    look,
    absentIn(link) {
      const seen = note(link)
      seen.seenIn = { number: last.number, at: clock.monotonic() }
      return seen.absentIn
    },
    wallAt: ({ number, at }) => (number < setIn ? undefined : clock.now() - clock.monotonic() + at),
    exists: (link) => inodeOf(link.device) === link.id,
  }
}
