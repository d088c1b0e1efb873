import type { Clock } from '../../src/base/clock.ts'
import { KubeApiError } from '../../src/kube/connection.ts'
import type { LeaderLock, LeaderRecord, SeenRecord } from '../../src/kube/leader-lock.ts'

/** What the network does to one request: milliseconds to the server and back, or a loss on either way. */
export interface Journey {
  readonly there: number
  readonly back: number
  readonly lost?: 'there' | 'back'
}

/** The record as a server keeps it, shared by all candidates. */
export class LockServer {
  #version = 0
  #record: SeenRecord | undefined

  get record(): SeenRecord | undefined {
    return this.#record
  }

  /** Commits when the writer has seen the newest version. @throws KubeApiError 409. */
  commit(record: LeaderRecord, seen: SeenRecord | undefined): SeenRecord {
    if (seen?.object['version'] !== this.#record?.object['version']) {
      throw new KubeApiError(409, 'Conflict', 'somebody else wrote')
    }
    this.#version += 1
    this.#record = { ...record, text: JSON.stringify(record), object: { version: this.#version } }
    return this.#record
  }
}

/** One candidate's way to the server: every request makes a journey on the candidate's clock. */
export function lockOver(
  server: LockServer,
  network: { readonly clock: Clock; readonly journey: () => Journey },
  options: { readonly name?: string; readonly longestTrustMs?: number } = {},
): LeaderLock {
  async function travel<T>(signal: AbortSignal, work: () => T): Promise<T> {
    const { there, back, lost } = network.journey()
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    if (lost !== 'there') {
      // The server goes on with what it got, also when the client has left meanwhile.
      network.clock.after(there, () => {
        let answer: () => void
        try {
          const value = work()
          answer = () => resolve(value)
        } catch (thrown) {
          answer = () => reject(thrown)
        }
        if (lost !== 'back') network.clock.after(back, answer)
      })
    }
    return promise
  }
  return {
    name: options.name ?? 'lock',
    ...(options.longestTrustMs === undefined ? {} : { longestTrustMs: options.longestTrustMs }),
    read: (signal) => travel(signal, () => server.record),
    write: (record, seen, signal) => travel(signal, () => server.commit(record, seen)),
  }
}
