import * as v from 'valibot'
import type { Latency } from './latency.ts'

const milliseconds = v.pipe(v.number(), v.minValue(0), v.maxValue(86_400_000))

const latency = v.variant('kind', [
  v.strictObject({ kind: v.literal('fixed'), ms: milliseconds }),
  v.strictObject({ kind: v.literal('uniform'), fromMs: milliseconds, toMs: milliseconds }),
  v.strictObject({ kind: v.literal('exponential'), meanMs: milliseconds, maxMs: milliseconds }),
  v.strictObject({
    kind: v.literal('lognormal'),
    medianMs: milliseconds,
    sigma: v.pipe(v.number(), v.minValue(0), v.maxValue(5)),
    maxMs: milliseconds,
  }),
])

/** `work` says whether the request takes effect before it fails: a lost answer, not a lost request. */
const work = v.optional(v.picklist(['skipped', 'done']))

const effect = v.variant('kind', [
  v.strictObject({ kind: v.literal('latency'), latency }),
  v.strictObject({
    kind: v.literal('error'),
    status: v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599)),
    /** JSON value, or text that goes out as it is. Absent: the service's own words for that status. */
    body: v.optional(v.unknown()),
    headers: v.optional(v.record(v.string(), v.string())),
    /** Seconds or an HTTP date, as `Retry-After`. */
    retryAfter: v.optional(v.string()),
    work,
  }),
  v.strictObject({ kind: v.literal('reset'), when: v.picklist(['before', 'after', 'mid-body']) }),
  v.strictObject({ kind: v.literal('hang') }),
  v.strictObject({
    kind: v.literal('slow-body'),
    chunkBytes: v.pipe(v.number(), v.integer(), v.minValue(1)),
    everyMs: milliseconds,
  }),
  v.strictObject({
    kind: v.literal('garbage'),
    what: v.picklist(['html', 'bytes', 'empty', 'cut-json', 'wrong-json']),
    status: v.optional(v.number()),
    work,
  }),
])

export const faultRuleSchema = v.strictObject({
  /** For removing it again; a number is given when absent. */
  id: v.optional(v.string()),
  service: v.optional(v.picklist(['entra', 'imds', 'arm', 'vault'])),
  /** Route name, `*` for any part: `arm.vmss.patch`, `arm.*`. */
  route: v.optional(v.string()),
  /** Text that the request target must contain, compared without case. */
  target: v.optional(v.string()),
  method: v.optional(v.string()),
  /** Let so many matching requests pass first. */
  after: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** Act at most so often. */
  count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** 0 to 1; 1 when absent. */
  probability: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  effect,
})

export type FaultRule = v.InferOutput<typeof faultRuleSchema>
export type Effect = FaultRule['effect']
/** Effects that replace or spoil the answer. */
export type Spoiling = Exclude<Effect, { kind: 'latency' }>
export type { Latency }
