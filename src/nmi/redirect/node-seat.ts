import type { Clock } from '../../base/clock.ts'
import { sleep } from '../../base/deadline.ts'
import { errorText } from '../../base/errors.ts'
import type { Log } from '../../telemetry/log.ts'
import { isHeld, type NodeLock, type SuccessorHandler, takeNodeLock } from './node-lock.ts'
import { type Predecessor, succeedHolder } from './succession.ts'

/** The place of this agent on its node: alone, after another one, or before one. */
export interface NodeSeat {
  /**
   * Takes the lock; while another agent has it, becomes its successor, after `succeeding` has prepared that.
   * @throws OperatorError when it does not let us
   */
  take(succeeding?: () => Promise<void>): Promise<void>
  /** True while an agent that started before serves on. */
  readonly succeeds: boolean
  /** True while an agent that takes over is there. */
  readonly succeeded: boolean
  onSuccessor(handler: SuccessorHandler): void
  /** True when the one before has ended and the lock is ours; false when we have left before. */
  inherited(): Promise<boolean>
  release(): Promise<void>
}

const LOOK_MS = 500

export function createNodeSeat(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly name: string
  readonly holder: string
}): NodeSeat {
  const { clock, log } = deps
  let lock: NodeLock | undefined
  let predecessor: Predecessor | undefined
  let handler: SuccessorHandler | undefined
  const leaving = new AbortController()

  function hold(taken: NodeLock): void {
    lock = taken
    if (handler !== undefined) lock.onSuccessor(handler)
  }

  async function lockWhenFree(): Promise<NodeLock | undefined> {
    while (!leaving.signal.aborted) {
      try {
        return await takeNodeLock(clock, deps)
      } catch (thrown) {
        log.warn({ error: errorText(thrown) }, 'the lock of this node is not free yet')
      }
      await sleep(clock, LOOK_MS)
    }
    return undefined
  }

  return {
    async take(succeeding) {
      try {
        hold(await takeNodeLock(clock, deps))
      } catch (thrown) {
        if (!isHeld(thrown)) throw thrown
        await succeeding?.()
        predecessor = await succeedHolder(clock, deps.name)
        log.info({}, 'another agent serves this node: it is succeeded')
      }
    },
    get succeeds() {
      return predecessor !== undefined
    },
    get succeeded() {
      return lock?.succeeded === true
    },
    onSuccessor(next) {
      handler = next
      lock?.onSuccessor(next)
    },
    async inherited() {
      await predecessor?.ended
      predecessor = undefined
      const taken = await lockWhenFree()
      if (taken === undefined) return false
      if (leaving.signal.aborted) {
        await taken.release()
        return false
      }
      hold(taken)
      return true
    },
    async release() {
      leaving.abort(new Error('leaving the node'))
      predecessor?.leave()
      predecessor = undefined
      await lock?.release()
      lock = undefined
    },
  }
}
