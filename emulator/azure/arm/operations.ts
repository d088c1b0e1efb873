import type { Clock } from '../../../src/base/clock.ts'
import type { Owner } from '../../../src/base/lifecycle.ts'
import type { AzureState, FailurePlan, Operation } from '../state/azure-state.ts'
import type { Compute } from '../state/compute.ts'
import { guidOf } from '../state/guid.ts'
import type { IdentityBlock } from '../state/identity-block.ts'
import type { Settings } from '../state/settings.ts'
import { settleImds } from './imds-visibility.ts'

export interface OperationsDeps {
  readonly state: AzureState
  readonly settings: Settings
  readonly clock: Clock
  readonly owner: Owner
  /** How the next operations end; the first of them is used up by each operation that ends. */
  readonly failures: FailurePlan[]
}

/** Asynchronous changes of VMs and scale sets. */
export interface Operations {
  /** Takes the new identity at once, and ends later as a success or a failure that rolls it back. */
  begin(compute: Compute, wanted: IdentityBlock): Operation
  /** Ends the running operation because a newer one takes its place. */
  preempt(compute: Compute): void
}

const KEPT_OPERATIONS = 5_000

export function createOperations(deps: OperationsDeps): Operations {
  const { state, settings, clock } = deps
  let number = 0
  const timers = new Map<string, () => void>()
  deps.owner.own(() => {
    for (const cancel of timers.values()) cancel()
    timers.clear()
  })
  const end = (operation: Operation, compute: Compute, before: IdentityBlock): void => {
    timers.delete(operation.id)
    operation.endedMs = clock.now()
    delete compute.operation
    const failure = deps.failures.shift()
    if (failure === undefined) operation.status = 'Succeeded'
    else {
      operation.status = 'Failed'
      operation.error = failure
      compute.identity = before
    }
    // A deletion that began meanwhile goes on.
    if (compute.provisioningState === 'Updating') compute.provisioningState = operation.status
    settleImds(compute, settings, clock.monotonic())
  }
  return {
    begin(compute, wanted) {
      number += 1
      const id = guidOf(`operation ${number} ${compute.key}`)
      const operation: Operation = { id, compute: compute.key, startedMs: clock.now(), status: 'InProgress' }
      const before = compute.identity
      if (settings.armReadLagMs > 0)
        compute.stale = { identity: before, untilMs: clock.monotonic() + settings.armReadLagMs }
      compute.identity = wanted
      compute.provisioningState = 'Updating'
      compute.operation = id
      state.operations.set(id, operation)
      forgetOldest(state.operations)
      const ms = compute.kind === 'vm' ? settings.vmOperationMs : settings.vmssOperationMs
      const timer = clock.after(ms, () => end(operation, compute, before))
      timers.set(id, () => timer.cancel())
      return operation
    },
    preempt(compute) {
      const operation = state.operations.get(compute.operation ?? '')
      if (operation === undefined) return
      timers.get(operation.id)?.()
      timers.delete(operation.id)
      operation.status = 'Canceled'
      operation.endedMs = clock.now()
      operation.error = {
        code: 'OperationPreempted',
        message: 'Operation execution has been preempted by a more recent operation.',
      }
      delete compute.operation
    },
  }
}

function forgetOldest(operations: Map<string, Operation>): void {
  if (operations.size <= KEPT_OPERATIONS) return
  for (const [id, operation] of operations) {
    if (operation.status === 'InProgress') continue
    operations.delete(id)
    return
  }
}
