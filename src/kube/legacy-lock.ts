import * as v from 'valibot'
import { KubeAnswerError } from './connection.ts'
import type { LeaderRecord, SeenRecord } from './leader-lock.ts'
import { wholeSeconds } from './lease-lock.ts'
import { objectLock, type StoredLock } from './object-lock.ts'
import { looseText } from './object-meta.ts'
import { objectPath } from './resource-spec.ts'
import type { Rest } from './rest.ts'

const ENDPOINTS = { path: '/api/v1/endpoints' }
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader'

/**
 * AAD Pod Identity's MIC takes this lock when it has seen no renewal for its own
 * `--leader-election-duration`, 15 s by default, whatever our record says.
 */
const LONGEST_TRUST_MS = 10_000

const endpoints = v.looseObject({
  metadata: v.looseObject({
    name: v.string(),
    resourceVersion: v.string(),
    annotations: v.optional(v.fallback(v.record(v.string(), v.string()), {}), {}),
  }),
})

const looseNumber = v.optional(v.fallback(v.number(), 0), 0)
const leaderRecord = v.object({
  holderIdentity: looseText,
  leaseDurationSeconds: looseNumber,
  acquireTime: looseText,
  renewTime: looseText,
  leaderTransitions: looseNumber,
})

/**
 * The lock of AAD Pod Identity's MIC: an annotation on an Endpoints object, as client-go kept it before
 * Leases. podid takes it too, so that during an upgrade the old MIC and podid wait for each other.
 */
export function legacyLock(rest: Rest, namespace: string, name: string): StoredLock {
  const path = objectPath(ENDPOINTS, namespace, name)
  return {
    name: `Endpoints ${namespace}/${name}`,
    longestTrustMs: LONGEST_TRUST_MS,
    ...objectLock(rest, {
      path,
      seen: (answer) => seen(answer, path),
      changed: (object, record) => withAnnotation(object, toAnnotation(record)),
      created: (record) => ({
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata: { namespace, name, annotations: { [LEADER_ANNOTATION]: toAnnotation(record) } },
      }),
    }),
  }
}

function seen(answer: unknown, path: string): SeenRecord {
  const read = v.safeParse(endpoints, answer)
  if (!read.success) throw new KubeAnswerError(`${path}: the answer is no Endpoints object`)
  const text = read.output.metadata.annotations[LEADER_ANNOTATION] ?? ''
  const record = parseRecord(text)
  return {
    holder: record.holderIdentity,
    leaseDurationMs: record.leaseDurationSeconds * 1000,
    acquiredAt: Date.parse(record.acquireTime) || 0,
    renewedAt: Date.parse(record.renewTime) || 0,
    transitions: record.leaderTransitions,
    text,
    object: read.output,
  }
}

/**
 * An annotation that is no record is somebody's, in a way we cannot read: it counts as held until it
 * has stood unchanged for a lease, as every holder's record does.
 */
function parseRecord(text: string): v.InferOutput<typeof leaderRecord> {
  if (text === '') return v.parse(leaderRecord, {})
  try {
    return v.parse(leaderRecord, JSON.parse(text))
  } catch {
    return v.parse(leaderRecord, { holderIdentity: '(unreadable record)' })
  }
}

function withAnnotation(object: SeenRecord['object'], text: string): Record<string, unknown> {
  const { metadata } = v.parse(endpoints, object)
  const annotations = { ...metadata.annotations, [LEADER_ANNOTATION]: text }
  return { ...object, metadata: { ...metadata, annotations } }
}

/** Times are RFC 3339 with whole seconds, as Go's `metav1.Time` writes and reads them. */
function toAnnotation(record: LeaderRecord): string {
  return JSON.stringify({
    holderIdentity: record.holder,
    leaseDurationSeconds: wholeSeconds(record.leaseDurationMs),
    acquireTime: wholeSecondTime(record.acquiredAt),
    renewTime: wholeSecondTime(record.renewedAt),
    leaderTransitions: record.transitions,
  })
}

function wholeSecondTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}
