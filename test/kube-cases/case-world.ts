import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { podidDefinitions } from '../harness/kube-emulator.ts'
import { type Json, type KubeHttp, kubeHttp, type Reply } from '../harness/kube-http.ts'

/** What a case needs of its test, whoever runs it. */
export interface CaseContext {
  /** Called when the test is over. */
  after(clean: () => unknown): void
  skip(reason?: string): void
}

/** An API server, and a token of one who may do everything there. */
export interface KubeServer {
  readonly url: string
  readonly caPem: string
  readonly adminToken: string
}

/** An API server that cases run against. */
export interface KubeSubject extends KubeServer {
  /** Makes the server forget its history, so that old versions get 410; absent where nobody can ask for that. */
  compact?(): Promise<void>
  /** Tells the open watches of a resource that their version is too old; a real server cannot be asked to. */
  expireWatches?(plural: string): void
}

/**
 * What an API server has to do, whichever it is: the emulator in `npm test`, a real one in the end-to-end
 * suite. A case lives in a namespace of its own, so that others may use the server at the same time.
 */
export interface KubeCase {
  readonly name: string
  readonly run: (world: CaseWorld, context: CaseContext) => Promise<void>
}

export interface CaseWorld {
  readonly subject: KubeSubject
  readonly http: KubeHttp
  /** The case's own. Its default service account is there, and it is deleted after the case. */
  readonly namespace: string
  /** Name for a thing without a namespace, which nobody else has; the case takes it away itself. */
  readonly unique: (prefix: string) => string
  /** Path of a collection in the case's namespace. */
  path(plural: Plural): string
  /** Creates an object in the case's namespace, or without one. @returns it as stored. */
  make(plural: Plural, object: object): Promise<Json>
  /** A merge patch, of the object or of a subresource. */
  merge(path: string, body: object): Promise<Json>
  /** Deletes at once; a pod without waiting for its node. */
  remove(path: string): Promise<void>
  /** Waits until the items of a collection are as asked. */
  until(collection: string, met: (items: readonly Json[]) => boolean): Promise<void>
  kubeconfig(): string
  /** Takes the namespace away with everything in it; does not wait for that. */
  close(): Promise<void>
}

const GROUPS = {
  configmaps: '',
  endpoints: '',
  events: '',
  pods: '',
  secrets: '',
  serviceaccounts: '',
  leases: 'coordination.k8s.io',
  roles: 'rbac.authorization.k8s.io',
  rolebindings: 'rbac.authorization.k8s.io',
  azureidentities: 'aadpodidentity.k8s.io',
  azureidentitybindings: 'aadpodidentity.k8s.io',
  azureassignedidentities: 'aadpodidentity.k8s.io',
} as const

export type Plural = keyof typeof GROUPS

export function collection(plural: Plural, namespace: string): string {
  const group = GROUPS[plural]
  return `${group === '' ? '/api' : `/apis/${group}`}/v1/namespaces/${namespace}/${plural}`
}

export const MERGE = 'application/merge-patch+json'

export async function openCaseWorld(context: CaseContext, subject: KubeSubject): Promise<CaseWorld> {
  const http = kubeHttp(context, subject)
  const unique = (prefix: string): string => `${prefix}-${randomBytes(4).toString('hex')}`
  await ensureDefinitions(http)
  const namespace = unique('podid-case')
  const expect = async (code: number, asked: Promise<Reply>): Promise<Json> => {
    const reply = await asked
    assert.equal(reply.code, code, reply.text)
    return reply.json()
  }
  const until = async (path: string, met: (items: readonly Json[]) => boolean): Promise<void> => {
    for (;;) {
      const { items = [], metadata } = (await http.ask('GET', path)).json()
      if (met(items)) return
      const join = path.includes('?') ? '&' : '?'
      const watch = await http.watch(`${path}${join}watch=1&resourceVersion=${metadata?.resourceVersion}`)
      await watch.next()
      watch.close()
    }
  }
  await expect(201, http.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } }))
  const path = (plural: Plural): string => collection(plural, namespace)
  const named = (name: string) => (items: readonly Json[]) =>
    items.some((each) => each.metadata?.name === name)
  await until(path('serviceaccounts'), named('default'))
  await until(path('configmaps'), named('kube-root-ca.crt'))
  return {
    subject,
    http,
    namespace,
    unique,
    path,
    make: (plural, object) => expect(201, http.ask('POST', path(plural), { body: object })),
    merge: (at, body) => expect(200, http.ask('PATCH', at, { contentType: MERGE, body })),
    async remove(at) {
      await expect(200, http.ask('DELETE', at, { body: { gracePeriodSeconds: 0 } }))
    },
    until,
    kubeconfig: () => kubeconfigOf(subject, namespace),
    async close() {
      await expect(200, http.ask('DELETE', `/api/v1/namespaces/${namespace}`, CLOSING))
    },
  }
}

/** The client may have given its connections up already; this one is not kept. */
const CLOSING = { headers: { Connection: 'close' } } as const

/** podid's kinds, where they are not there yet. */
async function ensureDefinitions(http: KubeHttp): Promise<void> {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  for (const body of await podidDefinitions()) {
    const { name } = body['metadata'] as { name: string }
    if ((await http.ask('GET', `${path}/${name}`)).code === 200) continue
    const { code, text } = await http.ask('POST', path, { body })
    // Another case may have been faster.
    assert.ok(code === 201 || code === 409, text)
    await established(http, name)
  }
}

/** Waits until a kind is served. */
export async function established(http: KubeHttp, name: string): Promise<void> {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const watch = await http.watch(`${path}?watch=1&fieldSelector=metadata.name%3D${name}`)
  for (let event = await watch.next(); event !== undefined; event = await watch.next()) {
    if (isEstablished(event.object)) break
  }
  watch.close()
  const definition = (await http.ask('GET', `${path}/${name}`)).json()
  const { group, names, versions } = definition.spec as unknown as {
    group: string
    names: { plural: string }
    versions: { name: string }[]
  }
  await whenCode(http, `/apis/${group}/${versions[0]?.name}/${names.plural}`, 200)
}

const MOST_LOOKS = 5_000

/** Asks until the answer has that status: a real server serves definitions, and stops serving them, a moment late. */
export async function whenCode(http: KubeHttp, path: string, wanted: number): Promise<void> {
  let code = 0
  for (let looks = 0; looks < MOST_LOOKS && code !== wanted; looks += 1)
    code = (await http.ask('GET', path)).code
  assert.equal(code, wanted, path)
}

function isEstablished(definition: Json): boolean {
  const conditions = (definition.status?.['conditions'] ?? []) as { type: string; status: string }[]
  return conditions.some((each) => each.type === 'Established' && each.status === 'True')
}

function kubeconfigOf(server: KubeServer, namespace: string): string {
  const ca = Buffer.from(server.caPem).toString('base64')
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: server.url, 'certificate-authority-data': ca } }],
    users: [{ name: 'u', user: { token: server.adminToken } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace } }],
    'current-context': 'c',
  })
}
