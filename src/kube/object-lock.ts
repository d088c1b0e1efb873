import { isApiStatus } from './connection.ts'
import type { LeaderLock, LeaderRecord, SeenRecord } from './leader-lock.ts'
import type { Rest } from './rest.ts'

/** How one kind of object keeps the record. */
export interface RecordKeeping {
  /** Path of the object. */
  readonly path: string
  /** @throws KubeAnswerError when the answer is no object of the kind. */
  seen(answer: unknown): SeenRecord
  /** The object that was seen, with the new record in it and all else as it was. */
  changed(object: SeenRecord['object'], record: LeaderRecord): object
  /** A new object that holds the record. */
  created(record: LeaderRecord): object
}

/** Reads and writes of a lock over the API: what was seen is replaced, what is not there is created. */
export function objectLock(rest: Rest, keeping: RecordKeeping): Pick<LeaderLock, 'read' | 'write'> {
  const { path } = keeping
  return {
    async read(signal) {
      try {
        return keeping.seen(await rest.getJson(path, { signal }))
      } catch (thrown) {
        if (isApiStatus(thrown, 404)) return undefined
        throw thrown
      }
    },
    async write(record, before, signal) {
      if (before !== undefined) {
        const body = keeping.changed(before.object, record)
        return keeping.seen(await rest.send('PUT', path, { body, signal }))
      }
      const collection = path.slice(0, path.lastIndexOf('/'))
      return keeping.seen(await rest.send('POST', collection, { body: keeping.created(record), signal }))
    },
  }
}
