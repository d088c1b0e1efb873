import { REFUSALS, type RefusalCode, type RefusalSpec } from './refusal-codes.ts'

/** One refusal: the code, and a message about this particular case. */
export interface Refusal {
  readonly code: RefusalCode
  /**
   * Names the first broken link with namespace/name and the near match. Stable: the same cause gives
   * the same text, so it holds no time, counter or trace id.
   */
  readonly message: string
  /** Overrides the table's `Retry-After`, when upstream named a time. Seconds. */
  readonly retryAfterSeconds?: number
}

export function refuse(code: RefusalCode, message: string, retryAfterSeconds?: number): Refusal {
  return retryAfterSeconds === undefined ? { code, message } : { code, message, retryAfterSeconds }
}

export function refusalSpec(code: RefusalCode): RefusalSpec {
  return REFUSALS[code]
}

/** True when the cause passes by itself, so a retry is worth it. */
export function isTransient(refusal: Refusal): boolean {
  return refusalSpec(refusal.code).retryAfterSeconds !== undefined
}

/** What people read: the message and what to do about it. */
export function refusalText(refusal: Refusal): string {
  const stop = /[.?!]$/.test(refusal.message) ? '' : '.'
  return `${refusal.message}${stop} ${refusalSpec(refusal.code).remedy}`
}
