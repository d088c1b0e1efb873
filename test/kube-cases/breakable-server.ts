import type { KubeServer } from './case-world.ts'

/** An API server of the test's own, which it may kill, set back and make forget. */
export interface BreakableServer extends KubeServer {
  /** Ends the API server without a word to anybody. */
  kill(): Promise<void>
  /** Starts it again; resolves when it is ready. */
  start(): Promise<void>
  /** Keeps the state as it is now. */
  snapshot(): Promise<void>
  /** Sets the state back to what was kept, resource versions included, as a restore of etcd does. */
  restore(): Promise<void>
  /** Makes the storage forget every version before now. */
  compact(): Promise<void>
}
