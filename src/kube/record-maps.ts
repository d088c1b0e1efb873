import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { isApiStatus } from './connection.ts'
import { listInPages } from './paged-list.ts'
import type { Rest } from './rest.ts'

/** A small record of podid's own in a ConfigMap: a subject, and a text for each of its entries. */
export interface StoredRecord {
  readonly subject: string
  readonly entries: Readonly<Record<string, string>>
  /** Opaque; empty when the record does not exist yet. */
  readonly version: string
}

export interface RecordMaps {
  load(signal: AbortSignal): Promise<readonly StoredRecord[]>
  /**
   * Creates or replaces; a record without entries is deleted. Returns it as stored.
   * @returns `conflict` when somebody else wrote the record since it was read
   * @throws what Rest throws
   */
  save(record: StoredRecord, signal: AbortSignal): Promise<StoredRecord | 'conflict'>
}

const RECORD_LABEL = 'podid.record'

const configMap = v.object({
  metadata: v.object({ resourceVersion: v.string() }),
  data: v.optional(
    v.object({ subject: v.optional(v.string(), ''), entries: v.optional(v.string(), '{}') }),
    {},
  ),
})

const entries = v.record(v.string(), v.string())

/**
 * Records of one kind in one namespace, each a ConfigMap of its own, so that two subjects never conflict.
 * A map that somebody edited into nonsense is left out of `load`: it is no reason to stop.
 */
export function createRecordMaps(rest: Rest, options: { namespace: string; kind: string }): RecordMaps {
  const path = `/api/v1/namespaces/${encodeURIComponent(options.namespace)}/configmaps`
  const nameOf = (subject: string): string =>
    `podid-${options.kind}-${createHash('sha256').update(subject).digest('hex').slice(0, 20)}`
  const bodyOf = ({ subject, entries: kept, version }: StoredRecord): object => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: nameOf(subject),
      namespace: options.namespace,
      labels: { [RECORD_LABEL]: options.kind },
      ...(version === '' ? {} : { resourceVersion: version }),
    },
    data: { subject, entries: JSON.stringify(kept) },
  })

  async function write(record: StoredRecord, signal: AbortSignal): Promise<StoredRecord> {
    const body = bodyOf(record)
    if (Object.keys(record.entries).length === 0) {
      if (record.version !== '') await remove(record, signal)
      return { ...record, version: '' }
    }
    const stored =
      record.version === ''
        ? await rest.send('POST', path, { body, signal })
        : await rest.send('PUT', `${path}/${nameOf(record.subject)}`, { body, signal })
    return { ...record, version: v.parse(configMap, stored).metadata.resourceVersion }
  }

  /** A map of the record's name that cannot be read is nobody's record: it is written over. */
  async function overNonsense(record: StoredRecord, signal: AbortSignal): Promise<StoredRecord | 'conflict'> {
    try {
      const raw = await rest.getJson(`${path}/${nameOf(record.subject)}`, { signal })
      if (readRecord(raw) !== undefined) return 'conflict'
      return await write({ ...record, version: v.parse(configMap, raw).metadata.resourceVersion }, signal)
    } catch (thrown) {
      if (isApiStatus(thrown, 409, 404)) return 'conflict'
      throw thrown
    }
  }

  async function remove(record: StoredRecord, signal: AbortSignal): Promise<void> {
    const preconditions = { resourceVersion: record.version }
    await rest.send('DELETE', `${path}/${nameOf(record.subject)}`, { body: { preconditions }, signal })
  }

  return {
    async load(signal) {
      let found: StoredRecord[] = []
      const sink = {
        begin() {
          found = []
        },
        item(raw: unknown) {
          const record = readRecord(raw)
          if (record !== undefined) found.push(record)
        },
      }
      await listInPages(
        rest,
        { path, query: { labelSelector: `${RECORD_LABEL}=${options.kind}` } },
        sink,
        signal,
      )
      return found
    },
    async save(record, signal) {
      try {
        return await write(record, signal)
      } catch (thrown) {
        // 409 on PUT, POST and DELETE; 404 when somebody deleted what was read.
        if (!isApiStatus(thrown, 409, 404)) throw thrown
        return record.version === '' ? overNonsense(record, signal) : 'conflict'
      }
    },
  }
}

function readRecord(raw: unknown): StoredRecord | undefined {
  const read = v.safeParse(configMap, raw)
  if (!read.success || read.output.data.subject === undefined || read.output.data.subject === '')
    return undefined
  const kept = v.safeParse(entries, parseJson(read.output.data.entries ?? '{}'))
  if (!kept.success) return undefined
  return {
    subject: read.output.data.subject,
    entries: kept.output,
    version: read.output.metadata.resourceVersion,
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // Not ours any more; `load` leaves it out.
    return undefined
  }
}
