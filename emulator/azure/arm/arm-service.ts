import { createTraceIds } from '../entra/access-tokens.ts'
import type { Exchange, Reply } from '../http/exchange.ts'
import { parseObject } from '../http/json.ts'
import { type Call, callOf, matchRoute, type Route } from '../http/router.ts'
import type { Plan, Service } from '../http/service.ts'
import type { Journal } from '../state/journal.ts'
import { armReply, refuseArm } from './arm-errors.ts'
import type { ArmDeps, ArmRoute } from './arm-route.ts'
import { authenticateCaller, type Caller } from './caller.ts'
import { computeRoutes } from './compute-routes.ts'
import { federatedRoutes } from './federated-credentials.ts'
import { identityRoutes } from './managed-identities.ts'
import { subscriptionRoutes } from './subscriptions.ts'
import { createThrottle } from './throttle.ts'

const HOSTS = ['management.azure.com', 'management.core.windows.net', 'management.localhost']
const FIRST_WORDS = new Set(['subscriptions', 'tenants', 'providers'])
const API_VERSION = /^\d{4}-\d{2}-\d{2}(-preview)?$/
const NOBODY: Caller = { clientId: '', objectId: '', roles: [] }

/** Azure Resource Manager with the compute and managed identity providers. */
export function createArmService(deps: ArmDeps): Service {
  const nextId = createTraceIds('arm request')
  const throttle = createThrottle(deps)
  const answer = async (route: ArmRoute, call: Call): Promise<Reply> => {
    requireApiVersion(call)
    if (route.open === true) return route.work(call, { ...deps, caller: NOBODY })
    const caller = await authenticateCaller(call, { ...deps, nowMs: deps.now() })
    const path = call.segments.join('/')
    const remaining = route.limit === undefined ? {} : throttle.take(route.limit, path)
    const reply = await route.work(call, { ...deps, caller })
    return { ...reply, headers: { ...remaining, ...reply.headers } }
  }
  const routes: Route[] = [
    ...computeRoutes,
    ...identityRoutes,
    ...federatedRoutes,
    ...subscriptionRoutes,
  ].map((route) => ({ ...route, handle: (call) => answer(route, call) }))
  return {
    name: 'arm',
    bodyLimit: 4 * 1_048_576,
    ownsHost: (name) => HOSTS.includes(name),
    ownsHead: ({ segments }) => {
      const [first = '', second = ''] = segments.map((segment) => segment.toLowerCase())
      return FIRST_WORDS.has(first) || (first === 'metadata' && second === 'endpoints')
    },
    headers: () => {
      const id = nextId()
      return {
        'cache-control': 'no-cache',
        'x-ms-request-id': id,
        'x-ms-correlation-request-id': id,
        'x-ms-routing-request-id': `EMULATOR:${id}`,
        'x-ms-ratelimit-remaining-subscription-reads': '11999',
        'x-ms-ratelimit-remaining-subscription-writes': '1199',
      }
    },
    problem: (status, text) => armReply({ status, code: problemCode(status), message: text }),
    plan: (exchange) => planArm(exchange, routes, deps.journal),
  }
}

function problemCode(status: number): string {
  const codes: Readonly<Record<number, string>> = {
    409: 'Conflict',
    413: 'RequestEntityTooLarge',
    429: 'TooManyRequests',
    503: 'ServerTimeout',
  }
  return codes[status] ?? 'InternalServerError'
}

function planArm(exchange: Exchange, routes: readonly Route[], journal: Journal): Plan {
  const match = matchRoute(routes, exchange.method, exchange.segments)
  const body = exchange.method === 'GET' ? undefined : parseObject(exchange.body)
  if (match.kind === 'route') {
    const call = callOf(exchange, match.params)
    const run = (): Reply | Promise<Reply> => match.route.handle(call)
    return body === undefined ? { route: match.route.name, run } : { route: match.route.name, run, body }
  }
  const what = `${exchange.method} ${exchange.target}`
  return {
    route: match.kind === 'none' ? 'arm.unknown' : 'arm.other-method',
    run() {
      journal.violate('arm-unsupported', what)
      const status = match.kind === 'none' ? 404 : 405
      const code = match.kind === 'none' ? 'InvalidResourceType' : 'MethodNotAllowed'
      return armReply({ status, code, message: `This emulator has no ${what}.` })
    },
  }
}

function requireApiVersion(call: Call): void {
  const version = call.query.get('api-version')
  if (version === null)
    refuseArm({
      status: 400,
      code: 'MissingApiVersionParameter',
      message: 'The api-version query parameter (?api-version=) is required for all requests.',
    })
  if (!API_VERSION.test(version))
    refuseArm({
      status: 400,
      code: 'InvalidApiVersionParameter',
      message: `The api-version '${version}' is invalid.`,
    })
}
