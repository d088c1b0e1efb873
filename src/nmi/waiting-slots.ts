/** Counts who waits: for each address and in total, so that one pod cannot hold all the room. */
export interface WaitingSlots {
  /** False when there is no room; true takes a slot that `release` gives back. */
  take(address: string): boolean
  release(address: string): void
  readonly size: number
}

export function createWaitingSlots(limits: {
  maxWaiting: number
  maxWaitingPerAddress: number
}): WaitingSlots {
  const byAddress = new Map<string, number>()
  let size = 0
  return {
    take(address) {
      const held = byAddress.get(address) ?? 0
      if (size >= limits.maxWaiting || held >= limits.maxWaitingPerAddress) return false
      byAddress.set(address, held + 1)
      size += 1
      return true
    },
    release(address) {
      const held = byAddress.get(address)
      if (held === undefined) return
      size -= 1
      if (held <= 1) byAddress.delete(address)
      else byAddress.set(address, held - 1)
    },
    get size() {
      return size
    },
  }
}
