import type { MetadataTarget, Target } from './request-target.ts'

/** An answer of IMDS to a metadata request. */
export interface ImdsAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: Uint8Array
}

/** What NMI needs of IMDS apart from tokens: GET with `Metadata: true`, bounded in size by the client. */
export interface ImdsClient {
  /**
   * @param pathAndQuery made by `imdsRequest`, starts with `/metadata/`.
   * @throws Error when there is no answer; the signal's reason when it aborts.
   */
  get(pathAndQuery: string, signal: AbortSignal): Promise<ImdsAnswer>
}

/** Path and query for IMDS, built from what was understood: literals, and words of a conservative charset. */
export function imdsRequest(target: MetadataTarget): string {
  const path = ['/metadata', target.topic, ...target.leaf].join('/')
  const query: string[] = []
  if (target.apiVersion !== undefined) query.push(`api-version=${target.apiVersion}`)
  if (target.format !== undefined) query.push(`format=${target.format}`)
  if (target.nonce !== undefined) query.push(`nonce=${target.nonce}`)
  return query.length === 0 ? path : `${path}?${query.join('&')}`
}

/** Name of what was asked, from a fixed list: the metric's `operation_type` and the log's `operation`. */
export function operationOf(target: Target | undefined): string {
  if (target === undefined) return 'other'
  if (target.kind === 'metadata') return `/metadata/${target.topic}`
  return target.kind === 'host-token' ? '/host/token' : '/metadata/identity/oauth2/token'
}
