import { createRecordMaps } from '../../kube/record-maps.ts'
import type { Rest } from '../../kube/rest.ts'
import {
  type Origin,
  OwnershipConflict,
  type OwnershipRecord,
  type OwnershipRecords,
} from '../../mic/ownership.ts'

/** MIC's record of what it put where, as ConfigMaps beside its lock: a restart or a new leader finds it. */
export function ownershipRecords(rest: Rest, namespace: string): OwnershipRecords {
  const maps = createRecordMaps(rest, { namespace, kind: 'owned' })
  return {
    async load(signal) {
      const stored = await maps.load(signal)
      return stored.map(({ subject, entries, version }) => ({
        groupId: subject,
        identities: originsOf(entries),
        version,
      }))
    },
    async save(record: OwnershipRecord, signal) {
      const { groupId, identities, version } = record
      const saved = await maps.save({ subject: groupId, entries: identities, version }, signal)
      if (saved === 'conflict')
        throw new OwnershipConflict(`the record of ${groupId} was changed by somebody else`)
      return { ...record, version: saved.version }
    },
  }
}

/** What is neither origin was written by a hand: taken as found, so that it is never removed. */
function originsOf(entries: Readonly<Record<string, string>>): Record<string, Origin> {
  return Object.fromEntries(
    Object.entries(entries).map(([id, origin]) => [id, origin === 'added' ? 'added' : 'found']),
  )
}
