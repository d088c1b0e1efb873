import type { Clock } from '../base/clock.ts'
import { untilAborted } from '../base/deadline.ts'
import { errorText } from '../base/errors.ts'
import type { Store } from '../kube/store.ts'
import type { Agent, Node } from '../model/resources.ts'
import type { Log } from '../telemetry/log.ts'
import { WorkQueue } from './queue.ts'

/** What is needed of the API server: a removal that fails when the node has changed since it was read. */
export type RemoveTaint = (
  node: Node,
  key: string,
  signal: AbortSignal,
) => Promise<'done' | 'conflict' | 'gone'>

export interface StartupTaintDeps {
  /** Key of the taint that new nodes come with. */
  readonly key: string
  readonly nodes: Store<Node>
  readonly agents: Store<Agent>
  readonly remove: RemoveTaint
  readonly metrics: { removed(): void }
  readonly clock: Clock
  readonly log: Log
}

export interface StartupTaints {
  /** Works until the signal aborts, which is when the lead ends. */
  run(signal: AbortSignal): Promise<void>
  /** Nodes that have the taint now. */
  tainted(): number
}

const CONCURRENCY = 8
const BACKOFF = { firstMs: 500, maxMs: 60_000 }
/** The watch brings the newer version of the node; this is for the case that it is late. */
const AFTER_CONFLICT_MS = 1_000
/**
 * A node that is made again under its name may still have the agent of the one before, told as ready: it must have
 * become ready after the node came. Its creation says nothing, as the same pod may start again on the new node. The
 * API server writes one time and the kubelet the other, each by its own clock.
 */
const CLOCK_SLACK_MS = 10_000

/**
 * Nodes come with a taint that keeps pods away, and lose it when the node agent on them is ready: no pod that does
 * not tolerate it runs before the agent's rules are there. The taint is never put back.
 */
export function createStartupTaints(deps: StartupTaintDeps): StartupTaints {
  const { key, nodes, agents, clock, log } = deps
  const byNode = agents.index((agent) => [agent.nodeName])

  function agentOn(node: Node): Agent | undefined {
    for (const agent of byNode.get(node.name))
      if (agent.ready && agent.readySince + CLOCK_SLACK_MS >= node.createdAt) return agent
    return undefined
  }

  async function sync(name: string, signal: AbortSignal): Promise<number | undefined> {
    const node = nodes.get(name)
    if (node === undefined || node.startupTaints.length === 0) return undefined
    const agent = agentOn(node)
    if (agent === undefined) return undefined
    const outcome = await deps.remove(node, key, signal)
    if (outcome === 'conflict') return AFTER_CONFLICT_MS
    if (outcome === 'done') {
      deps.metrics.removed()
      log.info(
        { node: name, taint: key, agent: agent.name },
        'start-up taint removed: the node agent is ready',
      )
    }
    return undefined
  }

  return {
    tainted() {
      let count = 0
      for (const node of nodes.values()) if (node.startupTaints.length > 0) count += 1
      return count
    },
    async run(signal) {
      await agents.whenSynced(signal)
      const queue = new WorkQueue({
        clock,
        concurrency: CONCURRENCY,
        gatherMs: 0,
        backoff: BACKOFF,
        signal,
        run: (name) => sync(name, signal),
        onError: (node, thrown, againMs) =>
          log.warn(
            { node, taint: key, error: errorText(thrown), againMs },
            'the start-up taint stays for now',
          ),
      })
      const unsubscribes = [
        nodes.subscribe(({ after }) => {
          if (after !== undefined && after.startupTaints.length > 0) queue.add(after.name)
        }),
        agents.subscribe(({ after }) => {
          if (after?.ready === true) queue.add(after.nodeName)
        }),
      ]
      for (const node of nodes.values()) if (node.startupTaints.length > 0) queue.add(node.name)
      await untilAborted(signal)
      for (const unsubscribe of unsubscribes) unsubscribe()
      await queue.drained()
    },
  }
}
