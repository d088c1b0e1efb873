import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'

/** As much of a socket as the bookkeeping of connections looks at. */
export class FakeSocket extends EventEmitter {
  readonly remoteAddress: string
  readonly remotePort = 40_000
  readonly localAddress = '127.0.0.1'
  readonly localPort = 2579
  destroyed = false

  constructor(remoteAddress: string) {
    super()
    this.remoteAddress = remoteAddress
  }

  asSocket(): Socket {
    return this as unknown as Socket
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.emit('close')
  }
}
