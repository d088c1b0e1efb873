import type { Refusal } from '../model/refusal.ts'
import type { AzureIdentity, Pod } from '../model/resources.ts'
import type { AccessToken } from '../tokens/token-source.ts'

/** What one token request came to. */
export type Outcome = Granted | Refused

export interface Granted {
  readonly kind: 'granted'
  readonly pod: Pod
  /** Absent for the node's own identity, given to an excepted pod. */
  readonly identity?: AzureIdentity
  /** One; with auxiliary tenants several, the primary tenant's first. */
  readonly tokens: readonly [AccessToken, ...AccessToken[]]
  readonly cached: boolean
}

export interface Refused {
  readonly kind: 'refused'
  readonly pod?: Pod
  readonly identity?: AzureIdentity
  readonly refusal: Refusal
}
