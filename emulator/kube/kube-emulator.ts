import type { Clock } from '../../src/base/clock.ts'
import { systemClock } from '../../src/base/clock.ts'
import { errorText } from '../../src/base/errors.ts'
import { Owner } from '../../src/base/lifecycle.ts'
import { Authenticator } from './access/authenticator.ts'
import { Authorizer } from './access/authorizer.ts'
import { BOOTSTRAP_ROLES } from './access/bootstrap-roles.ts'
import { TokenIssuer } from './access/token-issuer.ts'
import type { TableEntry, UserTable } from './access/user-table.ts'
import { ADMIN, userTable } from './access/user-table.ts'
import { AuditLog } from './audit.ts'
import { BulkLoader } from './bulk-load.ts'
import { startControllers } from './controllers/controllers.ts'
import type { FaultControls } from './faults/fault-controls.ts'
import { faultControls } from './faults/fault-controls.ts'
import { FaultPlan } from './faults/fault-plan.ts'
import { AdminServer } from './http/admin-server.ts'
import { ApiServer } from './http/api-server.ts'
import { OpenWatches } from './http/open-watches.ts'
import type { Fields } from './json.ts'
import type { KubeObject } from './kube-object.ts'
import { Registry } from './registry.ts'
import { BUILTIN_RESOURCES } from './resources/builtin-resources.ts'
import { Database } from './storage/database.ts'
import type { KeyPairPem } from './transport/certificates.ts'
import { createAuthority } from './transport/certificates.ts'
import { Door } from './transport/door.ts'
import { kubeconfigText } from './transport/kubeconfig.ts'
import type { World } from './world.ts'
import { findObject, timestamp } from './world.ts'

export interface KubeEmulatorOptions {
  readonly clock?: Clock
  /** Address to listen on; 127.0.0.1 unless told. */
  readonly host?: string
  /** 0, the default, takes any free port. */
  readonly port?: number
  /** Further names and addresses for the server's certificate, such as one inside a network namespace. */
  readonly hosts?: readonly string[]
  /** Bearer tokens by user name, with the user's groups. The administrator has one in any case. */
  readonly users?: readonly TableEntry[]
  /** Events kept per resource for watches that start in the past; 5000 unless told. */
  readonly historyEvents?: number
  /** Audit entries kept; 10000 unless told. */
  readonly auditEntries?: number
  /** Serve the admin HTTP endpoint (faults, audit, state) on a port of its own. */
  readonly admin?: boolean
  /** Told of an unexpected failure inside the emulator. */
  readonly onDefect?: (text: string) => void
}

export interface KubeEmulator {
  /** `https://127.0.0.1:<port>` */
  readonly url: string
  readonly caPem: string
  readonly adminToken: string
  /** Address of the admin endpoint, when it was asked for. */
  readonly adminUrl: string | undefined
  /** Kubeconfig as YAML for a user of the table, or the administrator. @throws when the user is unknown. */
  kubeconfig(user?: string, options?: { readonly server?: string; readonly namespace?: string }): string
  /** Stores objects at once, without the API's checks on updates: for tests and benchmarks. */
  load(objects: readonly (Fields | KubeObject)[]): void
  /** All objects of a kind as they are stored, by plural and group. */
  objects(plural: string, group?: string): readonly KubeObject[]
  /** Takes an object away at once, finalizers or not. */
  remove(plural: string, key: string, group?: string): void
  /** A token of a service account, which must exist. @throws when it does not. */
  issueToken(request: {
    readonly namespace: string
    readonly serviceAccount: string
    readonly audience?: string
    readonly seconds?: number
  }): string
  clientCertificate(user: string, groups?: readonly string[]): Promise<KeyPairPem>
  /** `iss` of service account tokens. */
  readonly issuer: string
  /** The JSON Web Key Set that verifies them. */
  keySet(): Fields
  readonly faults: FaultControls
  readonly audit: AuditLog
  /** The whole state without what differs from run to run (uids, versions, times): to be compared. */
  dump(): Fields
  close(): Promise<void>
}

const FIRST_VERSION = 1000
const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease']
const ISSUER = 'https://kubernetes.default.svc.cluster.local'
const OWN_HOSTS = ['127.0.0.1', '::1', 'localhost', 'kubernetes.default.svc', 'kubernetes.default']

const DEFAULTS = {
  host: '127.0.0.1',
  port: 0,
  historyEvents: 5000,
  auditEntries: 10_000,
  admin: false,
} as const

/** Starts a Kubernetes API server of its own. `close` ends it with everything that belongs to it. */
export async function startKubeEmulator(given: KubeEmulatorOptions = {}): Promise<KubeEmulator> {
  const options = { clock: systemClock, hosts: [], users: [], ...DEFAULTS, ...given }
  const { clock, host } = options
  const owner = new Owner()
  const world: World = {
    clock,
    database: new Database({ firstVersion: FIRST_VERSION, historyLimit: options.historyEvents }),
    registry: new Registry(BUILTIN_RESOURCES),
  }
  const authority = await createAuthority(clock)
  const certificate = await authority.serverCertificate([...new Set([host, ...OWN_HOSTS, ...options.hosts])])
  const issuer = new TokenIssuer(ISSUER, clock)
  const users = userTable(options.users)
  const plan = new FaultPlan(clock)
  const watches = new OpenWatches(clock)
  const audit = new AuditLog(options.auditEntries)
  const server = new ApiServer({
    world,
    authenticator: new Authenticator(world, issuer, users.byToken),
    authorizer: new Authorizer(world),
    issuer,
    faults: plan,
    audit,
    watches,
    url: () => url(),
    startedAt: timestamp(clock),
    onDefect: (thrown) => options.onDefect?.(errorText(thrown)),
  })
  const door = new Door({
    tls: { key: certificate.keyPem, cert: certificate.certificatePem, ca: authority.certificatePem },
    host,
    port: options.port,
    handle: (request, response) => void server.handle(request, response),
  })
  const url = (): string => `https://${host.includes(':') ? `[${host}]` : host}:${door.port}`
  const loader = new BulkLoader(world)
  const controllers = startControllers(world, { caPem: authority.certificatePem })
  owner.own(() => controllers.close())
  loader.load(NAMESPACES.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })))
  loader.load(BOOTSTRAP_ROLES)
  await door.open()
  owner.own(() => door.close())
  const faults = faultControls({ plan, watches, database: world.database, door })
  const admin = options.admin
    ? await openAdmin(owner, { faults, audit, dump: () => loader.dump(), host })
    : undefined
  return {
    url: url(),
    caPem: authority.certificatePem,
    adminToken: tokenOf(users, ADMIN),
    adminUrl: admin?.url,
    kubeconfig(user = ADMIN, { server: at = url(), namespace = 'default' } = {}) {
      const token = tokenOf(users, user)
      return kubeconfigText({ server: at, caPem: authority.certificatePem, user, token, namespace })
    },
    load: (objects) => loader.load(objects),
    objects: (plural, group = '') => loader.objects(plural, group),
    remove: (plural, key, group = '') => void world.database.store({ plural, group }).remove(key),
    issueToken({ namespace, serviceAccount, audience = issuer.issuer, seconds = 3600 }) {
      const account = findObject(world, 'serviceaccounts', `${namespace}/${serviceAccount}`)
      if (account === undefined) throw new Error(`no service account ${namespace}/${serviceAccount}`)
      const subject = { namespace, name: serviceAccount, uid: account.metadata.uid }
      return issuer.issue({ account: subject, audiences: [audience], seconds }).token
    },
    clientCertificate: (user, groups = []) => authority.clientCertificate(user, groups),
    issuer: issuer.issuer,
    keySet: () => issuer.keySet(),
    faults,
    audit,
    dump: () => loader.dump(),
    close: () => owner.close(),
  }
}

async function openAdmin(
  owner: Owner,
  parts: ConstructorParameters<typeof AdminServer>[0],
): Promise<AdminServer> {
  const admin = new AdminServer(parts)
  await admin.open()
  owner.own(() => admin.close())
  return admin
}

function tokenOf(users: UserTable, user: string): string {
  const token = users.tokens.get(user)
  if (token === undefined) throw new Error(`the emulator has no user ${user}`)
  return token
}
