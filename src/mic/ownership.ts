/**
 * Which identities podid put on which VM or scale set. Only those are ever taken off again. It is
 * written before the ARM call that it is about, so a crash in between cannot make podid forget what it
 * added; at worst it remembers an identity that never arrived, and the next look at the group drops it.
 */

/** `added`: podid put it there. `found`: it was there before podid and stays, though podid renewed it once. */
export type Origin = 'added' | 'found'

export interface OwnershipRecord {
  /** Canonical ARM id of the VM or scale set. */
  readonly groupId: string
  /** By canonical ARM id of the identity. */
  readonly identities: Readonly<Record<string, Origin>>
  /** Opaque version for `save`; empty when the record does not exist yet. */
  readonly version: string
}

/** Thrown by `save` when somebody else wrote the record since it was read. */
export class OwnershipConflict extends Error {
  override readonly name = 'OwnershipConflict'
}

/** Durable storage of the records (one ConfigMap for each group). */
export interface OwnershipRecords {
  load(signal: AbortSignal): Promise<readonly OwnershipRecord[]>
  /** Creates or replaces; a record without identities is deleted. Returns the record as stored. @throws OwnershipConflict */
  save(record: OwnershipRecord, signal: AbortSignal): Promise<OwnershipRecord>
}

export interface OwnershipChange {
  readonly record?: ReadonlyMap<string, Origin>
  readonly forget?: Iterable<string>
}

/** The identities after a change; undefined when it changes nothing. */
function changed(
  before: OwnershipRecord['identities'],
  { record = new Map(), forget = [] }: OwnershipChange,
): OwnershipRecord['identities'] | undefined {
  const after = new Map(Object.entries(before))
  let isChanged = false
  for (const [identity, origin] of record) {
    isChanged ||= after.get(identity) !== origin
    after.set(identity, origin)
  }
  for (const identity of forget) isChanged = after.delete(identity) || isChanged
  return isChanged ? Object.fromEntries(after) : undefined
}

/** The records in memory, always as new as the storage: there is one writer, the leader. */
export class Ledger {
  readonly #records: OwnershipRecords
  #byGroup = new Map<string, OwnershipRecord>()

  constructor(records: OwnershipRecords) {
    this.#records = records
  }

  async load(signal: AbortSignal): Promise<void> {
    const records = await this.#records.load(signal)
    this.#byGroup = new Map(records.map((record) => [record.groupId, record]))
  }

  groups(): IterableIterator<string> {
    return this.#byGroup.keys()
  }

  origin(groupId: string, identity: string): Origin | undefined {
    const identities = this.#byGroup.get(groupId)?.identities
    return identities !== undefined && Object.hasOwn(identities, identity) ? identities[identity] : undefined
  }

  /** Every recorded identity of a group with its origin. */
  of(groupId: string): readonly (readonly [string, Origin])[] {
    return Object.entries(this.#byGroup.get(groupId)?.identities ?? {})
  }

  /** Records and forgets in one write; writes nothing when nothing changes. @throws OwnershipConflict after reloading. */
  async change(groupId: string, change: OwnershipChange, signal: AbortSignal): Promise<void> {
    const before = this.#byGroup.get(groupId)
    const identities = changed(before?.identities ?? {}, change)
    if (identities === undefined) return
    const record = { groupId, identities, version: before?.version ?? '' }
    try {
      this.#keep(await this.#records.save(record, signal))
    } catch (thrown) {
      if (thrown instanceof OwnershipConflict) await this.load(signal)
      throw thrown
    }
  }

  #keep(record: OwnershipRecord): void {
    if (Object.keys(record.identities).length === 0) this.#byGroup.delete(record.groupId)
    else this.#byGroup.set(record.groupId, record)
  }
}
