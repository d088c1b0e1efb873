import type { Clock } from '../../../src/base/clock.ts'
import type { Settings } from '../state/settings.ts'
import { refuseArm } from './arm-errors.ts'

export interface Limit {
  /** Name that Azure gives the limit. */
  readonly policy: string
  readonly burst: number
  readonly perMinute: number
}

/** Limits of the providers, per resource. The identity provider's bursts are not published: 5 s worth, at least 5. */
export const LIMITS = {
  updateVm: { policy: 'Microsoft.Compute/UpdateVM3Min', burst: 12, perMinute: 4 },
  updateVmss: { policy: 'Microsoft.Compute/UpdateVMScaleSet3Min', burst: 12, perMinute: 4 },
  getVm: { policy: 'Microsoft.Compute/LowCostGet3Min', burst: 36, perMinute: 12 },
  getVmss: { policy: 'Microsoft.Compute/GetVMScaleSet3Min', burst: 36, perMinute: 12 },
  operation: { policy: 'Microsoft.Compute/GetOperation3Min', burst: 45, perMinute: 15 },
  writeIdentity: { policy: 'Microsoft.ManagedIdentity/write', burst: 5, perMinute: 15 },
  readIdentity: { policy: 'Microsoft.ManagedIdentity/read', burst: 5, perMinute: 30 },
} as const satisfies Record<string, Limit>

export interface Throttle {
  /** Takes one token. @returns the header that shows what is left. @throws Refused 429 */
  take(limit: Limit, resource: string): Readonly<Record<string, string>>
}

const MOST_BUCKETS = 10_000

/** Token buckets per limit and resource, on monotonic time. */
export function createThrottle(deps: { clock: Clock; settings: Settings }): Throttle {
  const buckets = new Map<string, { tokens: number; atMs: number }>()
  return {
    take(limit, resource) {
      if (!deps.settings.armLimits) return {}
      const now = deps.clock.monotonic()
      const name = `${limit.policy} ${resource.toLowerCase()}`
      const held = buckets.get(name) ?? { tokens: limit.burst, atMs: now }
      const tokens = Math.min(limit.burst, held.tokens + ((now - held.atMs) / 60_000) * limit.perMinute)
      if (buckets.size >= MOST_BUCKETS) buckets.clear()
      buckets.set(name, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: now })
      if (tokens < 1) return tooMany(limit, tokens, deps)
      return { 'x-ms-ratelimit-remaining-resource': `${limit.policy};${Math.floor(tokens - 1)}` }
    },
  }
}

function tooMany(limit: Limit, tokens: number, deps: { clock: Clock; settings: Settings }): never {
  const seconds = Math.ceil(((1 - tokens) / limit.perMinute) * 60)
  const target = limit.policy.split('/')[1] ?? limit.policy
  const end = deps.clock.now()
  const detail = {
    operationGroup: target,
    startTime: new Date(end - 180_000).toISOString(),
    endTime: new Date(end).toISOString(),
    allowedRequestCount: limit.burst,
    measuredRequestCount: limit.burst + 1,
  }
  refuseArm(
    {
      status: 429,
      code: 'OperationNotAllowed',
      message:
        'The server rejected the request because too many requests have been received for this subscription.',
      details: [{ code: 'TooManyRequests', target, message: JSON.stringify(detail) }],
      innererror: { internalErrorCode: 'TooManyRequestsReceived' },
    },
    {
      'x-ms-ratelimit-remaining-resource': `${limit.policy};0`,
      ...(deps.settings.armRetryAfter ? { 'retry-after': String(seconds) } : {}),
    },
  )
}
