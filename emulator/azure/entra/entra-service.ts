import type { Exchange, Reply } from '../http/exchange.ts'
import { headerOf } from '../http/exchange.ts'
import { type Call, callOf, matchRoute, type Route } from '../http/router.ts'
import type { Plan, Service } from '../http/service.ts'
import { isGuid } from '../state/guid.ts'
import { type Aadsts, AadstsRefusal, aadsts, aadstsReply } from './aadsts.ts'
import { createTraceIds } from './access-tokens.ts'
import { instanceDiscovery, openidConfiguration } from './discovery.ts'
import type { SigningKey } from './signing-key.ts'
import { answerToken, type TokenEndpointDeps } from './token-endpoint.ts'

const HOSTS = [
  'login.microsoftonline.com',
  'login.windows.net',
  'sts.windows.net',
  'login.microsoft.com',
  'login.localhost',
]
const WORDS = new Set(['oauth2', 'discovery', 'v2.0', '.well-known'])

export interface EntraDeps extends TokenEndpointDeps {
  readonly key: SigningKey
}

/** The identity provider: discovery, keys and the token endpoint. */
export function createEntraService(deps: EntraDeps): Service {
  const nextTrace = createTraceIds('entra trace')
  const ownsHost = (name: string): boolean => HOSTS.includes(name)
  const tenantKnown = (tenant: string): void => {
    const wanted = tenant.toLowerCase()
    const { id, domains } = deps.state.tenant
    const fits = ['common', 'organizations', id.toLowerCase(), ...domains].includes(wanted)
    if (!fits) throw new AadstsRefusal(aadsts.unknownTenant(tenant))
  }
  const openid = (version: 1 | 2) => (call: Call) => {
    tenantKnown(call.param('tenant'))
    return openidConfiguration(call.host, call.param('tenant'), version)
  }
  const token = (version: 1 | 2) => (call: Call) =>
    answerToken(call, { tenant: call.param('tenant'), version }, deps)
  const keys = (): Reply => ({ status: 200, body: deps.key.jwks })
  const routes: Route[] = [
    {
      name: 'entra.discovery',
      method: 'GET',
      path: '/common/discovery/instance',
      handle: (call) =>
        instanceDiscovery(call.query.get('authorization_endpoint') ?? '', call.host, ownsHost),
    },
    {
      name: 'entra.openid',
      method: 'GET',
      path: '/{tenant}/v2.0/.well-known/openid-configuration',
      handle: openid(2),
    },
    {
      name: 'entra.openid-v1',
      method: 'GET',
      path: '/{tenant}/.well-known/openid-configuration',
      handle: openid(1),
    },
    { name: 'entra.keys', method: 'GET', path: '/{tenant}/discovery/v2.0/keys', handle: keys },
    { name: 'entra.keys-v1', method: 'GET', path: '/{tenant}/discovery/keys', handle: keys },
    { name: 'entra.token', method: 'POST', path: '/{tenant}/oauth2/v2.0/token', handle: token(2) },
    { name: 'entra.token-v1', method: 'POST', path: '/{tenant}/oauth2/token', handle: token(1) },
  ]
  const refusal = (problem: Aadsts, exchange?: Exchange): Reply => {
    const sent = exchange === undefined ? '' : correlationOf(exchange)
    const traceId = nextTrace()
    return aadstsReply(problem, { traceId, correlationId: isGuid(sent) ? sent : traceId, nowMs: deps.now() })
  }
  return {
    name: 'entra',
    bodyLimit: 65_536,
    ownsHost,
    ownsHead: (head) => head.segments.some((segment) => WORDS.has(segment.toLowerCase())),
    headers: () => ({ 'cache-control': 'no-store, no-cache', 'x-ms-request-id': nextTrace() }),
    problem: (status, text) =>
      refusal({
        code: 90033,
        status,
        error: status >= 500 ? 'temporarily_unavailable' : 'invalid_request',
        text: `A transient error has occurred. Please try again. (${text})`,
      }),
    plan: (exchange) => planEntra(exchange, routes, refusal),
  }
}

function planEntra(
  exchange: Exchange,
  routes: readonly Route[],
  refusal: (problem: Aadsts, exchange?: Exchange) => Reply,
): Plan {
  const match = matchRoute(routes, exchange.method, exchange.segments)
  if (match.kind === 'other-method') return { route: 'entra.other-method', run: () => ({ status: 405 }) }
  if (match.kind === 'none') return { route: 'entra.unknown', run: () => ({ status: 404 }) }
  const call = callOf(exchange, match.params)
  return {
    route: match.route.name,
    async run() {
      try {
        return await match.route.handle(call)
      } catch (thrown) {
        if (thrown instanceof AadstsRefusal) return refusal(thrown.problem, exchange)
        throw thrown
      }
    },
  }
}

function correlationOf(exchange: Exchange): string {
  const form = new URLSearchParams(exchange.body.toString('utf8'))
  return (
    exchange.query.get('client-request-id') ??
    form.get('client-request-id') ??
    headerOf(exchange.headers, 'client-request-id')
  )
}
