import * as v from 'valibot'
import { KubeAnswerError } from './connection.ts'
import type { LeaderRecord, SeenRecord } from './leader-lock.ts'
import { objectLock, type StoredLock } from './object-lock.ts'
import { looseText } from './object-meta.ts'
import { objectPath } from './resource-spec.ts'
import type { Rest } from './rest.ts'

const LEASES = { path: '/apis/coordination.k8s.io/v1/leases' }

const looseNumber = v.optional(v.fallback(v.number(), 0), 0)
const leaseSpec = v.looseObject({
  holderIdentity: looseText,
  leaseDurationSeconds: looseNumber,
  acquireTime: looseText,
  renewTime: looseText,
  leaseTransitions: looseNumber,
})
const lease = v.looseObject({
  metadata: v.looseObject({ name: v.string(), resourceVersion: v.string() }),
  spec: v.optional(v.nullable(leaseSpec)),
})

/** The lock in a `coordination.k8s.io/v1` Lease, as every controller of Kubernetes keeps it. */
export function leaseLock(rest: Rest, namespace: string, name: string): StoredLock {
  const path = objectPath(LEASES, namespace, name)
  return {
    name: `Lease ${namespace}/${name}`,
    ...objectLock(rest, {
      path,
      seen: (answer) => seen(answer, path),
      changed: (object, record) => ({ ...object, spec: { ...specOf(object), ...toSpec(record) } }),
      created: (record) => ({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { namespace, name },
        spec: toSpec(record),
      }),
    }),
  }
}

function seen(answer: unknown, path: string): SeenRecord {
  const read = v.safeParse(lease, answer)
  if (!read.success) throw new KubeAnswerError(`${path}: the answer is no Lease`)
  const spec = read.output.spec ?? v.parse(leaseSpec, {})
  return {
    holder: spec.holderIdentity,
    leaseDurationMs: spec.leaseDurationSeconds * 1000,
    acquiredAt: Date.parse(spec.acquireTime) || 0,
    renewedAt: Date.parse(spec.renewTime) || 0,
    transitions: spec.leaseTransitions,
    text: JSON.stringify(spec),
    object: read.output,
  }
}

function specOf(object: SeenRecord['object']): object {
  const { spec } = object
  return typeof spec === 'object' && spec !== null ? spec : {}
}

/** `renewTime` and `acquireTime` are MicroTime: six digits behind the point. */
function toSpec(record: LeaderRecord): Record<string, unknown> {
  return {
    // A lock that nobody holds has no holder: API servers refuse an empty one.
    holderIdentity: record.holder === '' ? undefined : record.holder,
    leaseDurationSeconds: wholeSeconds(record.leaseDurationMs),
    acquireTime: microTime(record.acquiredAt),
    renewTime: microTime(record.renewedAt),
    leaseTransitions: record.transitions,
  }
}

/** The API wants whole seconds and at least one. */
export function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}

function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z')
}
