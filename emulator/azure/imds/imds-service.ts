import type { Clock } from '../../../src/base/clock.ts'
import type { Exchange, Reply } from '../http/exchange.ts'
import type { Plan, Service } from '../http/service.ts'
import type { Journal } from '../state/journal.ts'
import { createImdsLimits, type ImdsLimits } from './imds-limits.ts'
import { answerHostCredential, answerPage, type PageContext } from './imds-pages.ts'
import { imdsReplies } from './imds-replies.ts'
import type { ImdsTokenDeps, ImdsTokens } from './imds-tokens.ts'
import type { Asker } from './instance-document.ts'
import { type PathReading, readLeniently, readStrictly } from './lenient-path.ts'

export interface ImdsDeps extends ImdsTokenDeps {
  readonly clock: Clock
  readonly journal: Journal
  readonly tokens: ImdsTokens
  /** Limits by VM or instance, shared by all listeners of that VM. */
  readonly limits: Map<string, ImdsLimits>
}

/** Which VM or instance sent a request; undefined when nobody that is known. */
export type AskerFinder = (exchange: Exchange) => Asker | undefined

const VERSION = /^\d{4}-\d{2}-\d{2}$/

/** The metadata service as the VM found by `find` sees it. Plain HTTP, one link only. */
export function createImdsService(deps: ImdsDeps, find: AskerFinder): Service {
  return {
    name: 'imds',
    bodyLimit: 65_536,
    ownsHost: () => true,
    ownsHead: () => true,
    headers: () => ({ server: 'IMDS/150.870.65.512' }),
    problem: (status, text) => problem(status, text),
    plan: (exchange) => planImds(exchange, deps, find(exchange)),
  }
}

function problem(status: number, text: string): Reply {
  if (status === 429) return imdsReplies.throttled(true)
  if (status === 404) return imdsReplies.notFound(true)
  return {
    status,
    body: { error: status >= 500 ? 'server_error' : 'invalid_request', error_description: text },
  }
}

function planImds(exchange: Exchange, deps: ImdsDeps, asker: Asker | undefined): Plan {
  const lenient = readLeniently(exchange.target)
  const reading = deps.settings.imdsPathReading === 'lenient' ? lenient : readStrictly(exchange.target)
  if (lenient.credential !== undefined && !lenient.plain) {
    deps.journal.count('imds.lenient-credential-path')
    deps.journal.violate('imds-lenient-credential-path', `${exchange.method} ${exchange.target}`)
  }
  const route = `imds.${reading.credential ?? pageName(reading)}`
  if (asker === undefined)
    return {
      route,
      run: () => ({
        status: 404,
        body: { error: 'Not Found', error_description: 'No emulated VM has this address.' },
      }),
    }
  const { compute, instance } = asker
  const id = instance === undefined ? compute.id : `${compute.id}/virtualMachines/${instance.instanceId}`
  return { route, compute: id, run: () => answer(exchange, reading, deps, { asker, id }) }
}

function pageName(reading: PathReading): string {
  const [first, second] = reading.path.split('/')
  const known = ['versions', 'instance', 'identity', 'attested', 'scheduledevents', 'loadbalancer']
  return first === 'metadata' && second !== undefined && known.includes(second) ? second : 'unknown'
}

async function answer(
  exchange: Exchange,
  reading: PathReading,
  deps: ImdsDeps,
  who: { asker: Asker; id: string },
): Promise<Reply> {
  const refusal = refuseByRules(exchange, reading)
  if (refusal !== undefined) return refusal
  const category = reading.path.split('/')[1] ?? ''
  const limits = deps.limits.get(who.id) ?? createImdsLimits(deps.clock)
  deps.limits.set(who.id, limits)
  const identity = category === 'identity'
  if (!deps.settings.imdsLimits) return work(exchange, reading, deps, who.asker)
  if (!limits.admit(category)) return imdsReplies.throttled(identity)
  const reply = await limits.during(category, () => work(exchange, reading, deps, who.asker))
  return reply === 'too-many' ? imdsReplies.throttled(identity) : reply
}

/** What IMDS refuses before it looks at anything else. */
function refuseByRules(exchange: Exchange, reading: PathReading): Reply | undefined {
  if (exchange.headers['x-forwarded-for'] !== undefined) return imdsReplies.forwarded()
  if (exchange.headers['metadata'] !== 'true') return imdsReplies.noHeader()
  if (!isMethodAllowed(exchange.method, reading)) return imdsReplies.method()
  const twice = duplicateName(exchange.query)
  if (twice !== undefined) return imdsReplies.duplicate(twice)
  const hostCredential = reading.credential !== undefined && reading.credential !== 'token'
  if (hostCredential || reading.path === 'metadata/versions') return undefined
  const version = exchange.query.get('api-version') ?? ''
  return VERSION.test(version) && version >= '2017-04-02' ? undefined : imdsReplies.apiVersion()
}

function isMethodAllowed(method: string, reading: PathReading): boolean {
  if (method === 'GET') return true
  if (method !== 'POST') return false
  const hostCredential = reading.credential === 'issuecredential' || reading.credential === 'credential'
  return hostCredential || reading.path === 'metadata/scheduledevents'
}

function duplicateName(query: URLSearchParams): string | undefined {
  const names = new Set<string>()
  for (const name of query.keys()) {
    if (names.has(name.toLowerCase())) return name
    names.add(name.toLowerCase())
  }
  return undefined
}

async function work(exchange: Exchange, reading: PathReading, deps: ImdsDeps, asker: Asker): Promise<Reply> {
  if (reading.credential === 'token') return deps.tokens.answer(exchange.query, asker.compute)
  const context: PageContext = { asker, tenantId: deps.state.tenant.id, nowMs: deps.now() }
  return reading.credential === undefined
    ? answerPage(exchange, reading.path, context)
    : answerHostCredential(exchange, reading.credential, context)
}
