import type { MetadataTarget, Target } from './request-target.ts'

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
