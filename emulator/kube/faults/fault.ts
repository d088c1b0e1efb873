/** Which requests a fault hits; what is left out matches everything. */
export interface FaultMatch {
  /** Verb of RBAC: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`. */
  readonly verb?: string
  /** Plural, such as `pods`. */
  readonly resource?: string
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
  readonly user?: string
}

/** What happens to a request that is hit. */
export type FaultAction =
  /** Answers with this status instead of doing the work. */
  | { readonly kind: 'status'; readonly code: number; readonly retryAfterSeconds?: number }
  /** Does the work and then answers with this status: the client cannot know. */
  | { readonly kind: 'lost-answer'; readonly code: number }
  /** Waits before anything is done; without a time for ever. */
  | { readonly kind: 'stall'; readonly ms?: number }
  /** Closes the connection without an answer. */
  | { readonly kind: 'reset' }
  /** A watch gets its events this much later. */
  | { readonly kind: 'delay-watch'; readonly ms: number }
  /** A list or a watch is told that its version is too old. */
  | { readonly kind: 'expired' }
  /** The answer is no JSON. */
  | { readonly kind: 'garbage'; readonly body: string; readonly contentType?: string }

export interface Fault {
  readonly match: FaultMatch
  readonly action: FaultAction
  /** How often it strikes before it is spent; without a number it stays. */
  readonly count?: number
  /** Chance from 0 to 1 that it strikes, drawn from the clock's seeded randomness; 1 unless told. */
  readonly probability?: number
}
