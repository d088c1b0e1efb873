import { createBackoff } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { sleep } from '../base/deadline.ts'
import type { ArmBudget } from './arm-budget.ts'
import { MAX_RETRY_AFTER } from './arm-failure.ts'
import { parseErrorBody } from './error-body.ts'
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
  readonly abortSignal?: unknown
}

interface Response {
  readonly status: number
  readonly bodyAsText?: string | null | undefined
  readonly headers: { get(name: string): string | undefined; toJSON(): Record<string, string> }
}

/** Looks at one operation that may fail in a row before it is given up as unknown: some minutes. */
const MOST_POLL_TRIES = 8
const POLL_BACKOFF = { firstMs: 1_000, maxMs: 30_000 }

/**
 * A policy of Azure's pipeline, in place of its hidden retries: takes each call from the budget and tells
 * what came back. A call that fails fails, and MIC decides; only the look at an operation that ARM has
 * accepted is repeated, since to give it up would be to forget what is being done.
 */
export function armPolicy(deps: { clock: Clock; budget: ArmBudget; onCall: ArmCallListener }) {
  const { clock, budget } = deps
  return {
    name: 'podidArmPolicy',
    async sendRequest<Req extends Request, Res extends Response>(
      request: Req,
      next: (request: Req) => Promise<Res>,
    ): Promise<Res> {
      const operation = operationOf(request)
      if (operation !== 'operation_poll') {
        budget.take()
        return exchange(deps, operation, () => next(request))
      }
      const backoff = createBackoff(clock, POLL_BACKOFF)
      for (;;) {
        budget.spend()
        const outcome = await settled(exchange(deps, operation, () => next(request)))
        const isLast = backoff.attempts + 1 >= MOST_POLL_TRIES || isAborted(request)
        if (isLast || !isPassing(outcome)) return result(outcome)
        await sleep(clock, Math.max(backoff.next(), retryAfterMs(clock, outcome)), signalOf(request))
      }
    },
  }
}

/** One HTTP exchange, measured and told. */
async function exchange<Res extends Response>(
  { clock, budget, onCall }: { clock: Clock; budget: ArmBudget; onCall: ArmCallListener },
  operation: ArmCall['operation'],
  send: () => Promise<Res>,
): Promise<Res> {
  const started = clock.monotonic()
  try {
    const response = await send()
    const { status, headers } = response
    const ms = clock.monotonic() - started
    if (status === 429 && !isOfOneResource(response)) budget.pause(pauseOf(clock, response))
    onCall({ operation, status, ms, remaining: remainingOf(headers.toJSON()) })
    return response
  } catch (thrown) {
    onCall({ operation, status: 0, ms: clock.monotonic() - started, remaining: [] })
    throw thrown
  }
}

/**
 * Compute's own limits are for one VM or scale set, or one kind of call, and come with this code; ARM's are for the
 * subscription. Whoever asked waits in both cases, the others only in the second.
 */
function isOfOneResource({ bodyAsText }: Response): boolean {
  return parseErrorBody(Buffer.from(bodyAsText ?? ''))?.error === 'OperationNotAllowed'
}

type Outcome<Res> = PromiseSettledResult<Res>

async function settled<Res>(promise: Promise<Res>): Promise<Outcome<Res>> {
  const [outcome] = await Promise.allSettled([promise])
  return outcome
}

function result<Res>(outcome: Outcome<Res>): Res {
  if (outcome.status === 'fulfilled') return outcome.value
  throw outcome.reason
}

/** Worth another look: throttled, a fault of the server, or no answer at all. */
function isPassing(outcome: Outcome<Response>): boolean {
  if (outcome.status === 'rejected') return true
  const { status } = outcome.value
  return status === 429 || status === 408 || status >= 500
}

function retryAfterMs(clock: Clock, outcome: Outcome<Response>): number {
  return outcome.status === 'fulfilled' ? pauseOf(clock, outcome.value) : 0
}

function pauseOf(clock: Clock, { headers }: Response): number {
  return 1_000 * (parseRetryAfter(headers.get('retry-after'), clock.now(), MAX_RETRY_AFTER) ?? 0)
}

/** The pipeline has made a real signal of whatever the SDK was given. */
function signalOf({ abortSignal }: Request): AbortSignal | undefined {
  return abortSignal instanceof AbortSignal ? abortSignal : undefined
}

function isAborted(request: Request): boolean {
  return signalOf(request)?.aborted === true
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
