import type { User } from '../access/user.ts'
import type { RequestInfo } from '../request-info.ts'

/** One request that has been read, authenticated and authorised. */
export interface Call {
  readonly info: RequestInfo
  readonly user: User
  readonly method: string
  /** Media type of the body, without parameters; empty when there is none. */
  readonly contentType: string
  readonly accept: string | undefined
  readonly userAgent: string
  readonly body: Buffer
  /** Texts of `Warning` headers. */
  readonly warnings: string[]
}

/** An answer that is sent as a whole. */
export interface Answer {
  readonly code: number
  readonly body: string
  readonly contentType: string
}

export function jsonAnswer(code: number, value: unknown): Answer {
  return { code, body: `${JSON.stringify(value)}\n`, contentType: 'application/json' }
}

export function textAnswer(code: number, body: string): Answer {
  return { code, body, contentType: 'text/plain; charset=utf-8' }
}
