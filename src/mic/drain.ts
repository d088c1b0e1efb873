import { sleep } from '../base/deadline.ts'
import { errorText } from '../base/errors.ts'
import { ASSIGNED_IDENTITY_FINALIZER, objectKey } from '../model/names.ts'
import type { AzureAssignedIdentity } from '../model/resources.ts'
import { pacedWriter } from './paced-writer.ts'
import { createTerm, type TermDeps } from './term.ts'

export interface DrainResult {
  /** Objects that were there at the beginning. */
  readonly objects: number
  /** Objects whose finalizer was taken off though Azure had not confirmed that the identity left the node. */
  readonly forced: readonly string[]
}

/** Between two looks at what is left. */
const LOOK_MS = 250

/**
 * Before an uninstall: nothing is wanted any more, so every identity that podid put on a node leaves it
 * and every object goes, in the order of a normal release. When Azure has not answered for all of them
 * after `timeoutMs`, the finalizers are taken off anyway: an object that nobody ever removes is worse
 * than an identity that stays on a node. Only the leader may call it.
 * @throws what the API server's refusal of a write throws; the signal's reason when it aborts.
 */
export async function drain(deps: TermDeps, timeoutMs: number, signal: AbortSignal): Promise<DrainResult> {
  const { world, clock } = deps
  await deps.refresh(signal)
  const objects = world.stores.assigned.size
  await releaseInOrder(deps, clock.monotonic() + timeoutMs, signal)
  const left = [...world.stores.assigned.values()]
  const writer = pacedWriter(deps.writer, {
    clock,
    metrics: deps.metrics,
    perSecond: deps.config.clientQps,
    burst: Math.max(deps.config.clientQps, deps.config.createDeleteBatch),
  })
  const failures: unknown[] = []
  for (const object of left) {
    deps.log.warn(
      { object: objectKey(object.namespace, object.name), identity: object.identity.resourceId },
      'Azure did not confirm that the identity left the node; the object goes all the same',
    )
    try {
      if (!object.deleting) await writer.delete(object, signal)
      if (object.finalizers.includes(ASSIGNED_IDENTITY_FINALIZER))
        await writer.removeFinalizer(object, signal)
    } catch (thrown) {
      // One that is refused must not strand the others.
      signal.throwIfAborted()
      failures.push(thrown)
    }
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `objects could not be removed: ${failures.map(errorText).join('; ')}`)
  // What podid put somewhere and could not take back is from now on the operator's.
  for (const record of await deps.records.load(signal))
    await deps.records.save({ ...record, identities: {} }, signal)
  return { objects, forced: left.map(nameOf).sort() }
}

/** A term in which nothing is wanted, until nothing is left or the time is up. */
async function releaseInOrder(deps: TermDeps, endsAt: number, parent: AbortSignal): Promise<void> {
  const { clock, world, log } = deps
  const controller = new AbortController()
  const onParent = (): void => controller.abort(parent.reason)
  parent.addEventListener('abort', onParent, { once: true })
  const term = createTerm(deps, controller.signal, true)
  const running = term.run()
  running.catch((thrown: unknown) => {
    if (!controller.signal.aborted)
      log.error({ error: errorText(thrown) }, 'the drain cannot release in order')
  })
  try {
    while (clock.monotonic() < endsAt && (world.stores.assigned.size > 0 || term.owes())) {
      await sleep(clock, LOOK_MS, parent)
    }
  } finally {
    controller.abort(new Error('the drain is over'))
    parent.removeEventListener('abort', onParent)
    await Promise.allSettled([running])
  }
}

function nameOf(object: AzureAssignedIdentity): string {
  return objectKey(object.namespace, object.name)
}
