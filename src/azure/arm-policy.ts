import type { Clock } from '../base/clock.ts'
import type { ArmBudget } from './arm-budget.ts'
import { MAX_RETRY_AFTER } from './arm-failure.ts'
import { parseRetryAfter } from './retry-after.ts'

/** One HTTP exchange with ARM. */
export interface ArmCall {
  readonly operation: 'vmss_get' | 'vmss_update' | 'vm_get' | 'vm_update' | 'identity_get' | 'operation_poll'
  /** 0: no answer. */
  readonly status: number
  readonly ms: number
  /** `x-ms-ratelimit-remaining-*`, by the rest of the header's name and, for compute, the name of the limit. */
  readonly remaining: readonly (readonly [limit: string, calls: number])[]
}

export type ArmCallListener = (call: ArmCall) => void

interface Request {
  readonly method: string
  readonly url: string
}

interface Response {
  readonly status: number
  readonly headers: { get(name: string): string | undefined; toJSON(): Record<string, string> }
}

/** A policy of Azure's pipeline: takes each call from the budget, and tells what came back. */
export function armPolicy(deps: { clock: Clock; budget: ArmBudget; onCall: ArmCallListener }) {
  const { clock, budget, onCall } = deps
  return {
    name: 'podidArmPolicy',
    async sendRequest<Req extends Request, Res extends Response>(
      request: Req,
      next: (request: Req) => Promise<Res>,
    ): Promise<Res> {
      budget.take()
      const started = clock.monotonic()
      const operation = operationOf(request)
      try {
        const response = await next(request)
        const { status, headers } = response
        if (status === 429) {
          budget.pause(
            1_000 * (parseRetryAfter(headers.get('retry-after'), clock.now(), MAX_RETRY_AFTER) ?? 0),
          )
        }
        onCall({
          operation,
          status,
          ms: clock.monotonic() - started,
          remaining: remainingOf(headers.toJSON()),
        })
        return response
      } catch (thrown) {
        onCall({ operation, status: 0, ms: clock.monotonic() - started, remaining: [] })
        throw thrown
      }
    },
  }
}

function operationOf({ method, url }: Request): ArmCall['operation'] {
  const path = new URL(url).pathname.toLowerCase()
  if (path.includes('/operations/')) return 'operation_poll'
  if (path.includes('/userassignedidentities/')) return 'identity_get'
  const kind = path.includes('/virtualmachinescalesets/') ? 'vmss' : 'vm'
  return method === 'GET' ? `${kind}_get` : `${kind}_update`
}

const REMAINING = 'x-ms-ratelimit-remaining-'

/** `subscription-reads: 11999`, or `resource: Microsoft.Compute/GetVMScaleSet3Min;197,...` */
function remainingOf(headers: Readonly<Record<string, string>>): [string, number][] {
  const found: [string, number][] = []
  for (const [name, value] of Object.entries(headers)) {
    if (!name.toLowerCase().startsWith(REMAINING)) continue
    const limit = name.slice(REMAINING.length)
    for (const part of value.split(',')) {
      const [detail, calls = detail] = part.split(';')
      const number = Number(calls)
      if (Number.isFinite(number)) found.push([calls === detail ? limit : (detail ?? limit).trim(), number])
    }
  }
  return found.slice(0, MOST_LIMITS)
}

const MOST_LIMITS = 8
