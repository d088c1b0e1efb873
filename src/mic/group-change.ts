import {
  type ArmError,
  ArmError as ArmFailure,
  type GroupIdentities,
  identitiesNamedIn,
  principalNamedIn,
} from '../azure/arm.ts'
import type { Clock } from '../base/clock.ts'
import { sleep } from '../base/deadline.ts'
import { type ComputeGroup, parseManagedIdentityId } from '../model/resource-id.ts'
import type { Log } from '../telemetry/log.ts'
import type { Arm } from './arm.ts'
import type { RejectionCause } from './diagnosis.ts'
import { afterChange, type GroupChange, patchFor, slicesOf } from './group-plan.ts'

export interface ChangeTools {
  readonly arm: Arm
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Puts a look right where it is older than podid's own last changes, and hears of those. */
  readonly memory: {
    corrected(look: GroupIdentities): GroupIdentities
    changed(change: GroupChange): void
  }
  /** `--update-user-msi-max-retry`: retries of a request that fails without a culprit. */
  readonly maxRetries: number
  /** `--update-user-msi-retry-interval`, milliseconds between two requests of one change. */
  readonly retryIntervalMs: number
}

export interface Rejection {
  readonly cause: RejectionCause
  /** Object id of podid's principal as ARM's message names it, else empty. */
  readonly principal: string
}

export interface ChangeResult {
  /** What the group holds now, as far as the requests that succeeded say. */
  readonly observed: GroupIdentities
  /** Identities that were left out, by id. */
  readonly rejected: ReadonlyMap<string, Rejection>
  /** What stopped the rest of the change. */
  readonly failure: ArmError | undefined
  /** What failed may have been done all the same, by the last request or by an earlier one of the same change. */
  readonly outcomeUnknown: boolean
}

/** Requests for one change at most: ARM allows 12 updates of one resource in a burst. */
const MOST_REQUESTS = 10

/**
 * Sends a change, cut into requests that ARM takes, and keeps it going when single identities are
 * rejected: what ARM's message names is left out, a dead identity that is still on the group is taken
 * off (every request fails until that is done), and when nothing is named the request is halved.
 * @throws what is no ArmError, such as the signal's reason.
 */
export async function applyChange(
  tools: ChangeTools,
  group: ComputeGroup,
  observed: GroupIdentities,
  change: GroupChange,
): Promise<ChangeResult> {
  const rejected = new Map<string, Rejection>()
  const work = [...slicesOf(change)]
  let current = observed
  let plainRetries = 0
  let failure: ArmError | undefined
  let isUnclear = false
  for (let sent = 0; work.length > 0 && failure === undefined; sent += 1) {
    const slice = work[0] ?? { add: [], remove: [] }
    tools.signal.throwIfAborted()
    if (sent > 0) await sleep(tools.clock, tools.retryIntervalMs, tools.signal)
    const error = await send(tools, group, slice, current)
    isUnclear = staysUnclear(isUnclear, error)
    if (error === undefined) {
      current = afterChange(slice, current)
      tools.memory.changed(slice)
      work.shift()
    } else if (error.fault === 'rejected' && sent + 1 < MOST_REQUESTS) {
      const instead = await isolate({ tools, group, current, rejected }, slice, error)
      work.splice(0, 1, ...instead.flatMap(slicesOf))
    } else if (error.fault === 'conflict' && plainRetries < tools.maxRetries) {
      plainRetries += 1
      const fresh = await look(tools, group)
      if (fresh === undefined) failure = error
      else current = fresh
    } else {
      failure = error
    }
  }
  return { observed: current, rejected, failure, outcomeUnknown: isUnclear }
}

/** Success settles what an earlier request of the same slice left open; a refusal does not. */
function staysUnclear(before: boolean, error: ArmError | undefined): boolean {
  return error !== undefined && (before || error.outcomeUnknown)
}

async function send(
  tools: ChangeTools,
  group: ComputeGroup,
  slice: GroupChange,
  current: GroupIdentities,
): Promise<ArmError | undefined> {
  try {
    await tools.arm.patchIdentities(group, patchFor(slice, current), tools.signal)
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof ArmFailure)) throw thrown
    tools.log.warn(
      {
        group: group.id,
        fault: thrown.fault,
        code: thrown.code,
        status: thrown.status,
        error: thrown.message,
      },
      'ARM did not take a change of identities',
    )
    return thrown
  }
}

async function look(tools: ChangeTools, group: ComputeGroup): Promise<GroupIdentities | undefined> {
  try {
    return tools.memory.corrected(await tools.arm.getGroup(group, tools.signal))
  } catch (thrown) {
    if (thrown instanceof ArmFailure) return undefined
    throw thrown
  }
}

interface Isolation {
  readonly tools: ChangeTools
  readonly group: ComputeGroup
  readonly current: GroupIdentities
  readonly rejected: Map<string, Rejection>
}

/** The slices to send in place of one that was rejected. */
async function isolate(
  state: Isolation,
  slice: GroupChange,
  error: ArmError,
): Promise<readonly GroupChange[]> {
  const named = identitiesNamedIn(error.message)
  const inSlice = [...slice.add, ...slice.remove].filter((id) => named.has(id))
  const onGroup = [...named].filter(
    (id) => state.current.identities.has(id) && !inSlice.includes(id) && !state.rejected.has(id),
  )
  const principal = principalNamedIn(error.message) ?? ''
  for (const id of inSlice) state.rejected.set(id, { cause: await causeOf(state, id, error), principal })
  const dead: string[] = []
  for (const id of onGroup) {
    const cause = await causeOf(state, id, error)
    // An identity that exists is never taken off to make room for others, whoever put it there.
    if (cause !== 'deleted') continue
    state.rejected.set(id, { cause, principal })
    dead.push(id)
  }
  if (inSlice.length === 0 && dead.length === 0) return halved(state, slice, principal)
  return [
    {
      add: slice.add.filter((id) => !named.has(id)),
      remove: [...slice.remove.filter((id) => !named.has(id)), ...dead],
    },
  ].filter((each) => each.add.length + each.remove.length > 0)
}

/** ARM rejected the slice and named nobody in it: the culprit is in one of the halves. */
function halved(state: Isolation, slice: GroupChange, principal: string): readonly GroupChange[] {
  const keys = slice.add.length + slice.remove.length
  if (keys <= 1) {
    for (const id of [...slice.add, ...slice.remove]) state.rejected.set(id, { cause: 'unclear', principal })
    return []
  }
  if (slice.add.length > 0 && slice.remove.length > 0) {
    return [
      { add: [], remove: slice.remove },
      { add: slice.add, remove: [] },
    ]
  }
  const middle = Math.ceil(keys / 2)
  const half = (from: number, to: number): GroupChange => ({
    add: slice.add.slice(from, to),
    remove: slice.remove.slice(from, to),
  })
  return [half(0, middle), half(middle, keys)]
}

/**
 * A read of the identity tells deleted from not permitted. Who may not read it gets 403 for a deleted
 * one too; then ARM's own words decide ("Resource '...' was not found").
 */
async function causeOf({ tools }: Isolation, id: string, error: ArmError): Promise<RejectionCause> {
  const saidDeleted =
    error.code.toLowerCase() === 'failedidentityoperation' && /was not found/i.test(error.message)
  const parsed = parseManagedIdentityId(id)
  if (parsed === undefined) return 'unclear'
  try {
    await tools.arm.getIdentity(parsed, tools.signal)
    return error.code.toLowerCase() === 'linkedauthorizationfailed' ? 'not-permitted' : 'unclear'
  } catch (thrown) {
    if (!(thrown instanceof ArmFailure)) throw thrown
    if (thrown.fault === 'missing') return 'deleted'
    return saidDeleted ? 'deleted' : 'unclear'
  }
}
