import { errorText } from '../base/errors.ts'
import { type Component, Owner } from '../base/lifecycle.ts'
import type { Leadership } from './leadership.ts'
import type { StartupTaints } from './startup-taints.ts'
import { createTerm, type Term, type TermDeps } from './term.ts'

export interface MicDeps extends TermDeps {
  readonly leadership: Leadership
  /** Absent: nodes come without a start-up taint. */
  readonly startupTaints?: Pick<StartupTaints, 'run'> | undefined
}

export interface Mic extends Component {
  /** True while this MIC holds the lease and works. */
  isLeading(): boolean
  /** Rejects when contending for leadership ended by a fault; resolves after `stop`. */
  readonly ended: Promise<void>
}

/** The controller: waits for its watches, contends for the lease, and works while it holds it. */
export function createMic(deps: MicDeps): Mic {
  const owner = new Owner()
  const ended = Promise.withResolvers<void>()
  let term: Term | undefined
  deps.metrics.watchQueues(() => term?.pending() ?? { pods: 0, groups: 0 })

  async function lead(signal: AbortSignal): Promise<void> {
    deps.metrics.becameLeader()
    deps.log.info({}, 'leading')
    await deps.refresh(signal)
    term = createTerm(deps, signal)
    const over = new AbortController()
    const taints = removeTaints(AbortSignal.any([signal, over.signal]))
    try {
      await term.run()
    } finally {
      over.abort(new Error('the lead has ended'))
      await taints
      term = undefined
      deps.log.info({}, 'no longer leading')
    }
  }

  async function removeTaints(signal: AbortSignal): Promise<void> {
    try {
      await deps.startupTaints?.run(signal)
    } catch (thrown) {
      if (!signal.aborted)
        deps.log.error({ error: errorText(thrown) }, 'start-up taints are removed no longer')
    }
  }

  async function contend(): Promise<void> {
    try {
      await deps.leadership.contend(lead, owner.signal)
      ended.resolve()
    } catch (thrown) {
      if (owner.signal.aborted) ended.resolve()
      else ended.reject(thrown instanceof Error ? thrown : new Error(errorText(thrown)))
    }
  }

  return {
    isLeading: () => term !== undefined,
    ended: ended.promise,
    start() {
      const contending = contend()
      owner.own(() => contending)
      return Promise.resolve()
    },
    stop: () => owner.close(),
  }
}
