import type { IncomingMessage } from 'node:http'
import { type Refusal, refuse } from '../model/refusal.ts'
import type { Exchange } from './exchange.ts'
import type { Target } from './request-target.ts'

interface RuleContext {
  readonly target: Target
  readonly metadataHeaderRequired: boolean
  readonly synced: () => boolean
}

type Rule = (exchange: Exchange, context: RuleContext) => Refusal | undefined

/** What every known path demands, in this order; the first refusal is the answer. */
const RULES: readonly Rule[] = [
  function verb({ request }) {
    if (request.method === 'GET') return undefined
    return refuse('method-not-allowed', `the verb ${request.method ?? ''} is not allowed here`)
  },
  function notForwarded({ request }) {
    if (request.headers['x-forwarded-for'] === undefined) return undefined
    return refuse('forwarded-request', 'the request carries the header X-Forwarded-For')
  },
  function metadataHeader({ request }, { target, metadataHeaderRequired }) {
    // The host door has its own headers (podns, podname) and never had this one.
    if (!metadataHeaderRequired || target.kind === 'host-token') return undefined
    if (isTrue(request.headers['metadata'])) return undefined
    return refuse('metadata-header-missing', 'Required metadata header not specified')
  },
  function noBody({ request }) {
    return hasBody(request) ? refuse('request-invalid', 'the request has a body') : undefined
  },
  function agentReady(_, { synced }) {
    return synced()
      ? undefined
      : refuse('agent-not-ready', 'the node agent has not read the cluster state yet')
  },
]

export function breaksRule(exchange: Exchange, context: RuleContext): Refusal | undefined {
  for (const rule of RULES) {
    const refusal = rule(exchange, context)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

function isTrue(value: string | string[] | undefined): boolean {
  return value === 'true' || (typeof value === 'string' && value.toLowerCase() === 'true')
}

function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true
  const length = headers['content-length']
  return length !== undefined && length !== '0'
}
