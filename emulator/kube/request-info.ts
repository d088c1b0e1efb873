/** What a request is about, read from its method and target alone. */
export interface RequestInfo {
  readonly path: string
  readonly query: URLSearchParams
  /** False for discovery, health, OpenAPI and everything unknown. */
  readonly isResource: boolean
  /** Verb of RBAC (`get`, `list`, `watch`, ...), or the lower-case method for non-resource requests. */
  readonly verb: string
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** @returns undefined when the target is no path (absolute form, bad percent-encoding). */
export function readRequest(method: string, target: string): RequestInfo | undefined {
  if (!target.startsWith('/') || !URL.canParse(`http://host${target}`)) return undefined
  const url = new URL(`http://host${target}`)
  const steps = decodedSteps(url.pathname)
  if (steps === undefined) return undefined
  const base = {
    path: url.pathname,
    query: url.searchParams,
    isResource: false,
    verb: method.toLowerCase(),
    group: '',
    version: '',
    plural: '',
    subresource: '',
    namespace: '',
    name: '',
  }
  const [root, ...rest] = steps
  if (root === 'api' && rest.length >= 2) return resourceRequest(base, method, '', rest)
  if (root === 'apis' && rest.length >= 3) return resourceRequest(base, method, rest[0] ?? '', rest.slice(1))
  return base
}

function decodedSteps(path: string): string[] | undefined {
  try {
    return path
      .split('/')
      .filter((each) => each !== '')
      .map(decodeURIComponent)
  } catch (thrown) {
    if (thrown instanceof URIError) return undefined
    throw thrown
  }
}

function resourceRequest(
  base: RequestInfo,
  method: string,
  group: string,
  steps: readonly string[],
): RequestInfo {
  const [version = '', ...after] = steps
  const place = placeOf(after)
  const verb = VERBS[method] ?? method.toLowerCase()
  const info = { ...base, isResource: true, group, version, ...place, verb }
  if (place.name !== '') return info
  if (verb === 'delete') return { ...info, verb: 'deletecollection' }
  if (verb !== 'get') return info
  const watched = isTrue(base.query.get('watch'))
  return { ...info, verb: watched ? 'watch' : 'list', name: selectedName(base.query) }
}

const OF_NAMESPACE = ['status', 'finalize']

/** `namespaces/<ns>/<plural>/<name>/<sub>`, or the same without a namespace; a namespace is in itself. */
function placeOf(
  steps: readonly string[],
): Pick<RequestInfo, 'namespace' | 'plural' | 'name' | 'subresource'> {
  const [first = '', second = '', third = ''] = steps
  if (first !== 'namespaces') return { namespace: '', plural: first, name: second, subresource: third }
  if (steps.length < 3 || OF_NAMESPACE.includes(third)) {
    return { namespace: second, plural: first, name: second, subresource: third }
  }
  const [plural = '', name = '', subresource = ''] = steps.slice(2)
  return { namespace: second, plural, name, subresource }
}

export function isTrue(text: string | null): boolean {
  return text === 'true' || text === '1'
}

/** A list or watch of one object by name counts as a request for that name when it is authorised. */
function selectedName(query: URLSearchParams): string {
  return /(?:^|,)metadata\.name==?([^,]+)/.exec(query.get('fieldSelector') ?? '')?.[1] ?? ''
}
