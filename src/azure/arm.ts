import { trimEnd } from '../base/trim-end.ts'
import { parseManagedIdentityId } from '../model/resource-id.ts'

/** What a VM or scale set says about one user-assigned identity; both ids are empty where ARM leaves them out. */
export interface PresentIdentity {
  readonly clientId: string
  readonly principalId: string
}

/** The identity block of a VM or scale set. */
export interface GroupIdentities {
  readonly systemAssigned: boolean
  /** By canonical id. */
  readonly identities: ReadonlyMap<string, PresentIdentity>
  /** As ARM spells it, such as `Succeeded`, `Updating`, `Deleting`; empty when absent. */
  readonly provisioningState: string
}

/** One change of a group's identities: a merge, so what is not named stays. */
export interface IdentityPatch {
  /** The group has a system-assigned identity, which the patch must not take away. */
  readonly systemAssigned: boolean
  /** Canonical ids. */
  readonly add: readonly string[]
  readonly remove: readonly string[]
  /** No user-assigned identity is left afterwards: ARM wants another type then and no map at all. */
  readonly empties: boolean
}

/** Who MIC is towards ARM, as far as its tokens say; empty strings where unknown. */
export interface ArmLogin {
  readonly clientId: string
  readonly objectId: string
  /** Canonical id of the managed identity that MIC logs in with. */
  readonly resourceId: string
}

/**
 * - `throttled`: 429, or podid's own budget is used up; `conflict`: 409, another operation runs or won.
 * - `missing`: 404; `denied`: 401 or 403; `rejected`: an identity in the request or on the group is at fault.
 * - `invalid`: any other 4xx; `unavailable`: 5xx, no answer, or none that can be read. The outcome is unknown then.
 */
export type ArmFault =
  | 'throttled'
  | 'conflict'
  | 'missing'
  | 'denied'
  | 'rejected'
  | 'invalid'
  | 'unavailable'

/** Code of the ArmError when no token for ARM could be had. */
export const LOGIN_FAILED = 'LoginFailed'

/** Code of the ArmError when podid's own budget of calls is used up: nothing was asked of ARM. */
export const BUDGET_SPENT = 'BudgetSpent'

/** A failed ARM call. The message is ARM's and may hold ids that change: for the log, not for a status. */
export class ArmError extends Error {
  override readonly name = 'ArmError'
  readonly fault: ArmFault
  /** ARM's error code, such as `LinkedAuthorizationFailed`; empty if there was none. */
  readonly code: string
  /** HTTP status, 0 when there was no answer. */
  readonly status: number
  readonly retryAfterMs?: number

  constructor(
    fault: ArmFault,
    message: string,
    details: {
      code?: string | undefined
      status?: number | undefined
      retryAfterMs?: number | undefined
      cause?: unknown
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.fault = fault
    this.code = details.code ?? ''
    this.status = details.status ?? 0
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs
  }

  /** True when the change may have been made all the same: no clear answer, or another operation took over. */
  get outcomeUnknown(): boolean {
    return this.fault === 'unavailable' || (this.fault === 'conflict' && this.status === 0)
  }
}

/** Codes by which ARM refuses a whole PATCH because of single identities. */
const IDENTITY_CODES: ReadonlySet<string> = new Set(['linkedauthorizationfailed', 'failedidentityoperation'])

/**
 * Only these say that the thing itself is not there. `SubscriptionNotFound`, or a 404 of something in
 * between, mostly means a wrong cloud, tenant or address: then nothing may be taken for gone.
 */
const GONE: ReadonlySet<string> = new Set([
  'resourcenotfound',
  'resourcegroupnotfound',
  'parentresourcenotfound',
  'notfound',
])

/** The fault behind an ARM answer. */
export function faultOf(status: number, code: string): ArmFault {
  if (IDENTITY_CODES.has(code.toLowerCase())) return 'rejected'
  if (status === 429) return 'throttled'
  if (status === 409) return 'conflict'
  if (status === 404 && GONE.has(code.toLowerCase())) return 'missing'
  if (status === 401 || status === 403) return 'denied'
  return status >= 400 && status < 500 ? 'invalid' : 'unavailable'
}

/**
 * Canonical ids of the user-assigned identities that an ARM message names in quotes, in any case; an id
 * that stands in a list inside one pair of quotes counts too.
 */
export function identitiesNamedIn(message: string): ReadonlySet<string> {
  const named = new Set<string>()
  const candidates = message.match(/\/subscriptions\/[^\s'",;\]]+/gi) ?? []
  for (const candidate of candidates.slice(0, MOST_NAMED)) {
    const id = parseManagedIdentityId(withoutClosing(trimEnd(candidate, '.\\')))
    if (id !== undefined) named.add(id.canonical)
  }
  return named
}

/** Resource groups may have brackets; one that was never opened belongs to the sentence. */
function withoutClosing(text: string): string {
  const opened = text.split('(').length - 1
  return text
    .split(')')
    .slice(0, opened + 1)
    .join(')')
}

/** A PATCH has at most 150 keys, each of which may be named twice. */
const MOST_NAMED = 400

/** The object id of the principal that ARM says was refused, if its message names one. */
export function principalNamedIn(message: string): string | undefined {
  return /object id '([\da-f-]{36})'/i.exec(message)?.[1]?.toLowerCase()
}
