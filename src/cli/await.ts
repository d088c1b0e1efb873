import * as v from 'valibot'
import { type Clock, systemClock } from '../base/clock.ts'
import { sleep } from '../base/deadline.ts'
import { errorText, OperatorError } from '../base/errors.ts'
import { objectPath } from '../kube/resource-spec.ts'
import { createRest, type Rest } from '../kube/rest.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { connect } from './connection.ts'
import { flagValues } from './flag-command.ts'
import type { Invocation } from './invocation.ts'
import { stayAwake } from './stay-awake.ts'
import { AWAIT_FLAGS } from './tool-flags.ts'

/** `podid await --daemonset=<namespace>/<name>`: until each of its pods is ready. */
export async function runAwait({ command, environment, stop }: Invocation): Promise<number> {
  const flags = flagValues(command, AWAIT_FLAGS, environment)
  const [namespace, name] = flags.daemonset.split('/')
  if (!namespace || !name) throw new OperatorError('--daemonset must be namespace/name')
  const log = createLog({ component: 'await', verbosity: 0, format: 'text' })
  const connection = await connect(flags.kubeconfig, environment)
  try {
    const rest = createRest(connection, systemClock)
    const wanted = { namespace, name, timeoutMs: flags.timeout }
    await stayAwake(() => awaitDaemonSet({ rest, clock: systemClock, log }, wanted, stop))
  } finally {
    connection.close()
  }
  return 0
}

const DAEMON_SETS = { path: '/apis/apps/v1/daemonsets' }
const LOOK_MS = 1_000

const daemonSet = v.object({
  metadata: v.object({ generation: v.optional(v.number(), 0) }),
  status: v.object({
    observedGeneration: v.optional(v.number(), 0),
    desiredNumberScheduled: v.optional(v.number(), 0),
    numberReady: v.optional(v.number(), 0),
  }),
})

/**
 * Resolves when the DaemonSet has as many ready pods as nodes. An answer that fails is asked for again.
 * @throws OperatorError with the numbers when the time is up; the signal's reason when it aborts.
 */
export async function awaitDaemonSet(
  deps: { readonly rest: Rest; readonly clock: Clock; readonly log: Log },
  wanted: { readonly namespace: string; readonly name: string; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<void> {
  const { rest, clock, log } = deps
  const path = objectPath(DAEMON_SETS, wanted.namespace, wanted.name)
  const endsAt = clock.monotonic() + wanted.timeoutMs
  let last = 'it was never read'
  for (;;) {
    try {
      const { metadata, status } = v.parse(daemonSet, await rest.getJson(path, { signal }))
      const { numberReady: ready, desiredNumberScheduled: nodes } = status
      // Before the controller has looked, both numbers are 0 and say nothing.
      if (status.observedGeneration >= metadata.generation && status.observedGeneration > 0) {
        last = `${ready} of ${nodes} nodes are done`
        if (ready >= nodes) {
          log.info({ nodes }, 'every node is done')
          return
        }
      }
    } catch (thrown) {
      signal.throwIfAborted()
      last = errorText(thrown)
    }
    if (clock.monotonic() >= endsAt) {
      throw new OperatorError(
        `DaemonSet ${wanted.namespace}/${wanted.name} is not ready: ${last}; "kubectl -n ${wanted.namespace} get pods -o wide" shows which nodes are missing`,
      )
    }
    await sleep(clock, LOOK_MS, signal)
  }
}
