import type { TokenIssuer } from '../access/token-issuer.ts'
import { ApiError, notAcceptable } from '../api-error.ts'
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from '../discovery/discovery.ts'
import { openApiDocument, openApiIndex } from '../discovery/openapi.ts'
import { acceptWishes } from '../read/media-type.ts'
import type { Registry } from '../registry.ts'
import type { Answer, Call } from './call.ts'
import { jsonAnswer, textAnswer } from './call.ts'

/** The Kubernetes version that the emulator behaves like. */
const VERSION = { major: '1', minor: '35', gitVersion: 'v1.35.4' } as const

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

export interface DiscoveryContext {
  readonly registry: Registry
  readonly issuer: TokenIssuer
  readonly url: string
  readonly startedAt: string
}

/** Everything that is about no object. @returns undefined for an unknown path. */
export function discoveryCall(call: Call, context: DiscoveryContext): Answer | undefined {
  const path = call.info.path.replace(/\/$/, '')
  switch (path) {
    case '':
      return jsonAnswer(200, { paths: rootPaths(context.registry) })
    case '/healthz':
    case '/livez':
    case '/readyz':
      return health(call, path.slice(1))
    case '/version':
      return version(context)
    case '/.well-known/openid-configuration':
      return jsonAnswer(200, context.issuer.discovery(`${context.url}/openid/v1/jwks`))
    case '/openid/v1/jwks':
      return keySet(call, context.issuer)
    case '/openapi/v2':
      // The only form that clients ask for is protobuf.
      throw notAcceptable(['application/json'])
    case '/openapi/v3':
      return jsonAnswer(200, openApiIndex(context.registry))
    default:
      return path.startsWith('/openapi/v3/')
        ? openApi(context.registry, path)
        : groupCall(call, context.registry, path)
  }
}

const KEY_SET = 'application/jwk-set+json'

function keySet(call: Call, issuer: TokenIssuer): Answer {
  const wishes = acceptWishes(call.accept ?? '*/*').map(({ type }) => type)
  if (!wishes.some((each) => [KEY_SET, 'application/*', '*/*'].includes(each))) {
    const message = `406: Not Acceptable\n\nAvailable representations: ${KEY_SET}`
    throw new ApiError(406, 'NotAcceptable', message, {})
  }
  return { ...jsonAnswer(200, issuer.keySet()), contentType: KEY_SET }
}

function rootPaths(registry: Registry): readonly string[] {
  const groups = [...registry.groups()].flatMap(([group, versions]) =>
    group === ''
      ? ['/api', '/api/v1']
      : [`/apis/${group}`, ...versions.map((each) => `/apis/${group}/${each}`)],
  )
  return [...groups, '/apis', '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'].sort()
}

function health(call: Call, check: string): Answer {
  const verbose = call.info.query.has('verbose')
  return textAnswer(200, verbose ? `[+]ping ok\n${check} check passed\n` : 'ok')
}

function version(context: DiscoveryContext): Answer {
  return jsonAnswer(200, {
    ...VERSION,
    emulationMajor: VERSION.major,
    emulationMinor: VERSION.minor,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: context.startedAt,
    goVersion: 'none',
    compiler: 'none',
    platform: 'linux/amd64',
  })
}

function openApi(registry: Registry, path: string): Answer | undefined {
  const [root, first = '', second = ''] = path.slice('/openapi/v3/'.length).split('/')
  const body =
    root === 'api' ? openApiDocument(registry, '', first) : openApiDocument(registry, first, second)
  return body === undefined ? undefined : { code: 200, body, contentType: 'application/json' }
}

function groupCall(call: Call, registry: Registry, path: string): Answer | undefined {
  const [, root, first, second, ...rest] = path.split('/')
  if (rest.length > 0) return undefined
  if (root === 'api' && first === undefined) return versions(call, registry, true)
  if (root === 'apis' && first === undefined) return versions(call, registry, false)
  if (root === 'api') return found(apiResourceList(registry, '', first ?? ''))
  if (root !== 'apis' || first === undefined) return undefined
  return found(second === undefined ? apiGroup(registry, first) : apiResourceList(registry, first, second))
}

function found(value: unknown): Answer | undefined {
  return value === undefined ? undefined : jsonAnswer(200, value)
}

function versions(call: Call, registry: Registry, core: boolean): Answer {
  const wishes = acceptWishes(call.accept ?? '')
  const aggregated = wishes.find((each) => each.parameters.get('as') === 'APIGroupDiscoveryList')
  // The first form that the client names and the server has; v2beta1 is no more.
  if (aggregated?.parameters.get('v') === 'v2' && aggregated.type === 'application/json') {
    return { ...jsonAnswer(200, aggregatedDiscovery(registry, core)), contentType: AGGREGATED }
  }
  return jsonAnswer(200, core ? apiVersions() : apiGroupList(registry))
}
