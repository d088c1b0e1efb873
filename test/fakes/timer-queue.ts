/** A timer that waits; its place in the queue is by time, then by order of creation. */
export interface PendingTimer {
  readonly at: number
  readonly order: number
  readonly fire: () => void
  done: boolean
}

/** A binary heap: a simulated day has hundreds of thousands of timers. Cancelled ones stay until they come up or are half of all. */
export class TimerQueue {
  #heap: PendingTimer[] = []
  #live = 0

  /** Timers that will fire. */
  get size(): number {
    return this.#live
  }

  add(timer: PendingTimer): void {
    this.#live += 1
    this.#heap.push(timer)
    this.#rise(this.#heap.length - 1)
  }

  cancel(timer: PendingTimer): void {
    if (timer.done) return
    timer.done = true
    this.#live -= 1
    if (this.#heap.length > 64 && this.#live < this.#heap.length / 2) {
      // A sorted array is a heap.
      this.#heap = this.#heap.filter((each) => !each.done).sort((a, b) => (before(a, b) ? -1 : 1))
    }
  }

  peek(): PendingTimer | undefined {
    while (this.#heap[0]?.done === true) this.#removeFirst()
    return this.#heap[0]
  }

  /** Takes out the first, which `peek` returned. */
  shift(): void {
    const first = this.peek()
    if (first === undefined) return
    first.done = true
    this.#live -= 1
    this.#removeFirst()
  }

  #removeFirst(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink()
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#swapIfBefore(at, parent)) return
      at = parent
    }
  }

  #sink(): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const right = this.#isBefore(left + 1, left) ? left + 1 : left
      if (!this.#swapIfBefore(right, at)) return
      at = right
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]]
    return first !== undefined && second !== undefined && before(first, second)
  }

  #swapIfBefore(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]]
    if (first === undefined || second === undefined || !before(first, second)) return false
    this.#heap[a] = second
    this.#heap[b] = first
    return true
  }
}

function before(a: PendingTimer, b: PendingTimer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
