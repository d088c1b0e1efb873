/** Objects as the API server sends them. */

export interface WireObject {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly resourceVersion: string
  }
}

export function wirePod(
  name: string,
  resourceVersion: string | number,
  fields: Record<string, unknown> = {},
) {
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      resourceVersion: String(resourceVersion),
      labels: { aadpodidbinding: 'shop' },
    },
    spec: { nodeName: 'node-0', serviceAccountName: 'shop' },
    status: { phase: 'Running', podIPs: [{ ip: '10.244.0.10' }] },
    ...fields,
  }
}

export function wireEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`
}

export function wireBookmark(resourceVersion: string | number, initialEventsEnd = false): string {
  const annotations = initialEventsEnd ? { 'k8s.io/initial-events-end': 'true' } : {}
  const object = { kind: 'Pod', metadata: { resourceVersion: String(resourceVersion), annotations } }
  return `${JSON.stringify({ type: 'BOOKMARK', object })}\n`
}

export function wireError(code: number, reason: string): string {
  const object = { kind: 'Status', code, reason, message: `${reason}!` }
  return `${JSON.stringify({ type: 'ERROR', object })}\n`
}

export function wireList(items: readonly unknown[], resourceVersion: string | number, next = '') {
  return { kind: 'List', metadata: { resourceVersion: String(resourceVersion), continue: next }, items }
}
