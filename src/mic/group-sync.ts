import { ArmError, type GroupIdentities, type PresentIdentity } from '../azure/arm.ts'
import { type ComputeGroup, parseManagedIdentityId } from '../model/resource-id.ts'
import type { Log } from '../telemetry/log.ts'
import { BEING_DELETED, groupRefusal, rejectionRefusal } from './diagnosis.ts'
import { applyChange, type ChangeResult, type ChangeTools } from './group-change.ts'
import type { GroupFacts } from './group-facts.ts'
import { type GroupChange, type GroupWorld, planGroup, staleRecords } from './group-plan.ts'
import type { Ledger, Origin } from './ownership.ts'
import type { Protection } from './protection.ts'
import { recreatedIdentities } from './recreated.ts'
import type { Wanted } from './wanted.ts'

export interface GroupSyncDeps {
  readonly tools: Omit<ChangeTools, 'memory'>
  readonly wanted: Wanted
  readonly ledger: Ledger
  readonly protection: Protection
  readonly log: Log
}

/**
 * Makes the identities of one VM or scale set what its pods need: one look and, when something differs,
 * one PATCH. Level-based; what it learns goes into the facts. Never called twice at once for one group.
 * @returns milliseconds after which it wants to run again, if ever.
 */
export async function syncGroup(
  deps: GroupSyncDeps,
  group: ComputeGroup,
  facts: GroupFacts,
): Promise<number | undefined> {
  const { tools, wanted, ledger } = deps
  const isRelevant = (id: string): boolean =>
    wanted.inGroup(group.id).has(id) || ledger.origin(group.id, id) !== undefined
  const since = tools.clock.monotonic()
  facts.keepTroubles(isRelevant)
  if (isDue(deps, group, facts) && facts.pausedUntil <= since) {
    try {
      await lookAndChange(deps, group, facts)
    } catch (thrown) {
      // Whatever else went wrong (an ownership record that could not be written), look again.
      facts.lookDue = true
      if (!(thrown instanceof ArmError)) throw thrown
      await takeFailure(deps, group, facts, thrown)
    } finally {
      facts.leaving.clear()
    }
  }
  return facts.nextDueMs(since, isRelevant)
}

function isDue(deps: GroupSyncDeps, group: ComputeGroup, facts: GroupFacts): boolean {
  const nothingAtAll = deps.wanted.inGroup(group.id).size === 0 && deps.ledger.of(group.id).length === 0
  if (nothingAtAll) return false
  if (facts.lookDue || facts.observed === undefined) return true
  const change = planGroup(worldOf(deps, group, facts, facts.observed))
  return change.add.length + change.remove.length > 0
}

async function lookAndChange(deps: GroupSyncDeps, group: ComputeGroup, facts: GroupFacts): Promise<void> {
  const { tools, wanted, ledger } = deps
  const observed = facts.corrected(await tools.arm.getGroup(group, tools.signal))
  if (observed.provisioningState.toLowerCase() === 'deleting') {
    throw new ArmError('conflict', `${group.id} is being deleted`, { code: BEING_DELETED })
  }
  facts.observed = observed
  facts.lookedAt = tools.clock.monotonic()
  facts.missingSince = undefined
  facts.lookDue = false
  // One whose removal was rejected and that is wanted again, or that somebody put there by hand: there is no trouble.
  for (const id of wanted.inGroup(group.id).keys()) if (observed.identities.has(id)) facts.clearTrouble(id)
  await learnProtection(deps, group, facts, observed)
  const recreated = await recreatedIdentities(deps, group, observed)
  const plan = planGroup(worldOf(deps, group, facts, observed))
  const stale = staleRecords(
    ledger.of(group.id),
    new Set(wanted.inGroup(group.id).keys()),
    new Set(observed.identities.keys()),
  )
  // Taken off to be renewed by a MIC that ended before it could put it on again: somebody else's.
  const owed = stale.filter(
    (id) => ledger.origin(group.id, id) === 'found' && !observed.identities.has(id) && !facts.isApart(id),
  )
  const known = [...plan.add.filter((id) => !facts.hasTrouble(id)), ...owed]
  const suspect = plan.add.filter((id) => facts.hasTrouble(id))
  const isWanted = (id: string): boolean => wanted.inGroup(group.id).has(id)
  const steps: readonly GroupChange[] = [
    { add: known, remove: [...plan.remove, ...recreated] },
    { add: recreated, remove: [] },
    // Those that failed before go last and alone, so that they never delay the others again.
    { add: suspect, remove: [] },
  ]
  await ledger.change(
    group.id,
    {
      record: originsOf(deps, group, { added: plan.add, renewed: recreated }),
      forget: stale
        .filter((id) => observed.identities.has(id) || facts.provesAbsence(observed))
        .filter((id) => !owed.includes(id)),
    },
    tools.signal,
  )
  for (const step of steps) {
    // The cluster went on while ARM and the API server worked: what is wanted now decides.
    const change = {
      add: step.add.filter((id) => isWanted(id) || ledger.origin(group.id, id) === 'found'),
      remove: step.remove.filter((id) => recreated.includes(id) || !isWanted(id)),
    }
    if (change.add.length + change.remove.length === 0) continue
    if (!(await changeGroup(deps, group, facts, change))) return
  }
  facts.resume()
}

/** Sends one change and takes in what became of it; false when the rest must wait. */
async function changeGroup(
  deps: GroupSyncDeps,
  group: ComputeGroup,
  facts: GroupFacts,
  change: GroupChange,
): Promise<boolean> {
  const { tools, ledger } = deps
  const before = facts.observed
  if (before === undefined) return false
  const touched = new Set([...change.add, ...change.remove])
  for (const id of change.remove) facts.leaving.add(id)
  let result: ChangeResult
  try {
    result = await applyChange({ ...tools, memory: facts }, group, before, change)
  } catch (thrown) {
    facts.forgetObserved(touched)
    throw thrown
  }
  facts.observed = result.observed
  setApart({ deps, group, facts }, change, result)
  if (result.outcomeUnknown) facts.forgetObserved(touched)
  else await ledger.change(group.id, { forget: forgettable(deps, group, change, result) }, tools.signal)
  for (const id of change.remove) facts.leaving.delete(id)
  if (result.failure === undefined) return true
  await takeFailure(deps, group, facts, result.failure)
  return false
}

function setApart(
  { deps, group, facts }: { deps: GroupSyncDeps; group: ComputeGroup; facts: GroupFacts },
  { add, remove }: GroupChange,
  result: ChangeResult,
): void {
  if (result.failure === undefined)
    for (const id of [...add, ...remove]) facts.clearTroubleUnless(id, result.rejected)
  for (const [id, { cause, principal }] of result.rejected) {
    const refusal = rejectionRefusal(id, group, {
      cause,
      principal: principal || deps.tools.arm.login().objectId,
      removal: remove.includes(id),
    })
    facts.setApart(id, refusal)
    deps.log.warn({ group: group.id, identity: id, cause, refusal: refusal.message }, 'identity set apart')
  }
}

/**
 * What left the group for good, or never came, is no longer podid's: should somebody else put it there
 * now, it is theirs. What is wanted and was only taken off to be put on again stays recorded, and so does
 * the mark that it was `found`.
 */
function forgettable(
  deps: GroupSyncDeps,
  group: ComputeGroup,
  change: GroupChange,
  result: ChangeResult,
): readonly string[] {
  const isWanted = (id: string): boolean => deps.wanted.inGroup(group.id).has(id)
  const isOwn = (id: string): boolean => deps.ledger.origin(group.id, id) === 'added'
  const unsent = result.failure === undefined ? [] : change.add
  const neverCame = [...result.rejected.keys(), ...unsent].filter(isOwn)
  const gone = [...change.remove, ...result.rejected.keys()].filter((id) => !isWanted(id))
  return [...neverCame, ...gone].filter((id) => !result.observed.identities.has(id))
}

function originsOf(
  deps: GroupSyncDeps,
  group: ComputeGroup,
  ids: { added: readonly string[]; renewed: readonly string[] },
): ReadonlyMap<string, Origin> {
  const record = new Map<string, Origin>()
  const known = (id: string): Origin | undefined => deps.ledger.origin(group.id, id)
  for (const id of ids.added) record.set(id, known(id) ?? 'added')
  for (const id of ids.renewed) record.set(id, known(id) ?? 'found')
  return record
}

function worldOf(
  deps: GroupSyncDeps,
  group: ComputeGroup,
  facts: GroupFacts,
  observed: GroupIdentities,
): GroupWorld {
  return {
    wanted: new Set(deps.wanted.inGroup(group.id).keys()),
    present: new Set(observed.identities.keys()),
    origin: (id) => deps.ledger.origin(group.id, id),
    isProtected: (id) => facts.kept.has(id),
    isApart: (id) => facts.isApart(id),
  }
}

/** Decides for every identity that podid might remove whether it is protected; in doubt it is. */
async function learnProtection(
  deps: GroupSyncDeps,
  group: ComputeGroup,
  facts: GroupFacts,
  observed: GroupIdentities,
): Promise<void> {
  facts.kept.clear()
  for (const [id, present] of observed.identities) {
    const removable = deps.ledger.origin(group.id, id) === 'added' && !deps.wanted.inGroup(group.id).has(id)
    if (removable && (await isProtected(deps, id, present))) facts.kept.add(id)
  }
}

async function isProtected(deps: GroupSyncDeps, id: string, present: PresentIdentity): Promise<boolean> {
  const verdict = deps.protection.of(id, present)
  if (verdict !== 'unknown') return verdict === 'protected'
  const parsed = parseManagedIdentityId(id)
  if (parsed === undefined) return true
  try {
    const resource = await deps.tools.arm.getIdentity(parsed, deps.tools.signal)
    return deps.protection.of(id, resource) !== 'free'
  } catch (thrown) {
    if (!(thrown instanceof ArmError)) throw thrown
    // What does not exist any more cannot be in use; anything else is kept until it can be told.
    return thrown.fault !== 'missing'
  }
}

/** Faults that end without anybody's doing. */
const PASSING: ReadonlySet<ArmError['fault']> = new Set(['throttled', 'conflict', 'unavailable'])

async function takeFailure(
  deps: GroupSyncDeps,
  group: ComputeGroup,
  facts: GroupFacts,
  error: ArmError,
): Promise<void> {
  const refusal = groupRefusal(group, error, deps.tools.arm.login().objectId)
  facts.pause(refusal, PASSING.has(error.fault), error.retryAfterMs)
  deps.log.warn(
    { group: group.id, fault: error.fault, code: error.code, error: error.message },
    'the identities of a VM or scale set cannot be changed now',
  )
  if (error.fault !== 'missing') return
  const isGone = facts.noteMissing()
  if (!isGone && deps.wanted.inGroup(group.id).size > 0) {
    facts.forgetObserved(new Set())
    return
  }
  // There is nothing to take off a VM that is gone, so nothing to remember either.
  facts.observed = { systemAssigned: false, identities: new Map(), provisioningState: '' }
  facts.lookDue = true
  facts.forgetChanges()
  const forget = deps.ledger.of(group.id).map(([id]) => id)
  await deps.ledger.change(group.id, { forget }, deps.tools.signal)
}
