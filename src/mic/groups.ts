import type { Clock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import { assignableId } from '../model/assigned.ts'
import type { ComputeGroup } from '../model/resource-id.ts'
import type { AzureAssignedIdentity } from '../model/resources.ts'
import type { MicMetrics } from '../telemetry/mic-metrics.ts'
import { GroupFacts } from './group-facts.ts'
import { type GroupSyncDeps, syncGroup } from './group-sync.ts'
import { WorkQueue } from './queue.ts'
import { groupFromId, type World } from './world.ts'

export interface GroupsOptions extends GroupSyncDeps {
  readonly clock: Clock
  readonly world: World
  readonly metrics: MicMetrics
  /** VMs and scale sets that ARM is asked about at the same time. */
  readonly concurrency: number
  /** VMs and scale sets that one `reconcile` looks at. */
  readonly mostLooks: number
  /** Milliseconds that a first change waits for others of its group. */
  readonly gatherMs: number
  readonly signal: AbortSignal
  /** The pod's objects must be looked at again: something about its identities on Azure was settled. */
  readonly settled: (podKey: string) => void
}

const BACKOFF = { firstMs: 1_000, maxMs: 120_000 }

/** All VMs and scale sets: one queue entry, one flight and one set of facts for each. */
export class Groups {
  readonly #options: GroupsOptions
  readonly #facts = new Map<string, GroupFacts>()
  readonly #queue: WorkQueue

  constructor(options: GroupsOptions) {
    this.#options = options
    this.#queue = new WorkQueue({
      clock: options.clock,
      concurrency: options.concurrency,
      gatherMs: options.gatherMs,
      backoff: BACKOFF,
      signal: options.signal,
      run: (groupId) => this.#run(groupId),
      onError: (groupId, thrown, againMs) =>
        options.log.error(
          { group: groupId, error: errorText(thrown), againMs },
          'work on a VM or scale set failed',
        ),
    })
  }

  get pending(): number {
    return this.#queue.size
  }

  /** VMs and scale sets that something is remembered about. */
  get remembered(): number {
    return this.#facts.size
  }

  facts(groupId: string): GroupFacts {
    const known = this.#facts.get(groupId)
    if (known !== undefined) return known
    const facts = new GroupFacts(this.#options.clock)
    this.#facts.set(groupId, facts)
    return facts
  }

  /** Believes an object that says Assigned until ARM was looked at: for the first moments after a start. */
  trust(object: AzureAssignedIdentity): void {
    const group = this.#options.world.placement(object.nodeName)?.group
    const armId = assignableId(object.identity)
    // One on its way out may be there for the finalizer alone: its identity may have left already.
    const isAssigned = !object.deleting && (object.state === 'Assigned' || object.state === '')
    if (group !== undefined && armId !== undefined && isAssigned) this.facts(group.id).trusted.add(armId)
  }

  /** The pod waits for this identity to come to the group, or to leave it. */
  await(group: ComputeGroup, armId: string, podKey: string): void {
    this.facts(group.id).wait(armId, podKey, this.#look(group.id, armId))
    this.touch(group.id)
  }

  /** What is wanted of the group may have changed. */
  touch(groupId: string): void {
    this.#queue.add(groupId)
  }

  /**
   * Looks at the VMs and scale sets that matter, whatever is believed about them: at most `mostLooks`, first those that
   * were not looked at for longest. Where each node is a VM, looks at all of them would leave no calls for changes.
   */
  reconcile(): void {
    const { wanted, ledger, mostLooks } = this.#options
    const ids = [...new Set([...wanted.groups(), ...ledger.groups()])]
    const oldestFirst = ids
      .filter((groupId) => groupFromId(groupId) !== undefined)
      .sort((a, b) => this.facts(a).lookedAt - this.facts(b).lookedAt)
    for (const [place, groupId] of oldestFirst.entries()) {
      if (place < mostLooks) this.facts(groupId).lookDue = true
      this.touch(groupId)
    }
  }

  /**
   * Somebody changed something about the identity: what was set apart is tried at once, and where another
   * client id is on the group than the AzureIdentity now names, ARM is looked at: it may be recreated.
   */
  identityChanged(armId: string, clientId: string): void {
    for (const [groupId, facts] of this.#facts) {
      const present = facts.observed?.identities.get(armId)
      // An identity that podid put there itself since the last look has no client id yet.
      const differs =
        present !== undefined && present.clientId.toLowerCase() !== clientId.trim().toLowerCase()
      if (!facts.hasTrouble(armId) && !differs) continue
      facts.clearTrouble(armId)
      if (differs) facts.lookDue = true
      this.touch(groupId)
    }
  }

  /** The group that an object's identity must leave before the object may go; undefined when it may go now. */
  mustLeave(object: AzureAssignedIdentity): ComputeGroup | undefined {
    const group = this.#options.world.placement(object.nodeName)?.group
    const armId = assignableId(object.identity)
    if (group === undefined || armId === undefined) return undefined
    return this.#mustLeave(group.id, armId) ? group : undefined
  }

  /** True while an identity that podid put somewhere, and nobody wants, is still to be taken off. */
  owes(): boolean {
    const { ledger } = this.#options
    for (const groupId of ledger.groups()) {
      if (ledger.of(groupId).some(([id]) => this.#mustLeave(groupId, id))) return true
    }
    return false
  }

  async drained(): Promise<void> {
    await this.#queue.drained()
  }

  #mustLeave(groupId: string, armId: string): boolean {
    const { wanted, ledger } = this.#options
    if (wanted.inGroup(groupId).has(armId) || ledger.origin(groupId, armId) !== 'added') return false
    const facts = this.facts(groupId)
    return facts.leaving.has(armId) || (facts.presence(armId) !== 'absent' && !facts.kept.has(armId))
  }

  /** Everything about an identity on a group that a waiting pod acts upon, as one comparable text. */
  #look(groupId: string, armId: string): string {
    const facts = this.facts(groupId)
    const refusal = facts.refusalFor(armId)?.message ?? ''
    return `${facts.presence(armId)} ${this.#mustLeave(groupId, armId)} ${refusal}`
  }

  async #run(groupId: string): Promise<number | undefined> {
    const group = groupFromId(groupId)
    if (group === undefined) return undefined
    const facts = this.facts(groupId)
    const wanted = this.#options.wanted
    const before = [...wanted.inGroup(groupId).keys()].filter((id) => facts.presence(id) === 'present')
    const since = this.#options.clock.monotonic()
    try {
      const dueMs = await syncGroup(this.#options, group, facts)
      if (!this.#isIdle(groupId)) return dueMs
      // To forget now would be to believe the next look, which may be older than what was just done.
      return facts.knowsBetterMs() ?? dueMs
    } finally {
      this.#options.metrics.cycleDone(this.#options.clock.monotonic() - since)
      for (const podKey of facts.takeSettled((id) => this.#look(groupId, id))) this.#options.settled(podKey)
      for (const id of before) {
        if (facts.presence(id) === 'present') continue
        for (const podKey of wanted.inGroup(groupId).get(id) ?? []) this.#options.settled(podKey)
      }
      facts.keepWaiters(
        (id, podKey) => wanted.inGroup(groupId).get(id)?.has(podKey) === true || this.#mustLeave(groupId, id),
      )
      if (this.#isIdle(groupId) && !facts.hasWaiters && facts.knowsBetterMs() === undefined) {
        this.#facts.delete(groupId)
      }
    }
  }

  #isIdle(groupId: string): boolean {
    const { wanted, ledger } = this.#options
    return wanted.inGroup(groupId).size === 0 && ledger.of(groupId).length === 0
  }
}
