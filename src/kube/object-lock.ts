import * as v from 'valibot'
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

/** A lock in an object of the API. */
export interface StoredLock extends LeaderLock {
  /**
   * Deletes the object when nobody holds the lock. Returns whether it is gone.
   * @throws what Rest throws.
   */
  removeFree(signal: AbortSignal): Promise<boolean>
}

const stored = v.object({ metadata: v.object({ resourceVersion: v.string() }) })

/** Reads and writes of a lock over the API: what was seen is replaced, what is not there is created. */
export function objectLock(rest: Rest, keeping: RecordKeeping): Omit<StoredLock, 'name'> {
  const { path } = keeping
  return {
    async removeFree(signal) {
      try {
        const answer = await rest.getJson(path, { signal })
        if (keeping.seen(answer).holder !== '') return false
        // Whoever takes it in between keeps it.
        const preconditions = { resourceVersion: v.parse(stored, answer).metadata.resourceVersion }
        await rest.send('DELETE', path, { body: { preconditions }, signal })
        return true
      } catch (thrown) {
        if (isApiStatus(thrown, 404)) return true
        if (isApiStatus(thrown, 409)) return false
        throw thrown
      }
    },
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
