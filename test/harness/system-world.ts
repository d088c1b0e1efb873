/**
 * The whole product over loopback: both emulators in this process, podid's components as processes of
 * their own with their real command lines and the roles of deploy/rbac.yaml. Only the packet redirect is
 * missing; a pod is an address of the loopback network that its requests come from.
 */
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { type AzureEmulator, startAzureEmulator } from '../../emulator/azure/emulator.ts'
import { type KubeEmulator, startKubeEmulator } from '../../emulator/kube/kube-emulator.ts'
import { Owner } from '../../src/base/lifecycle.ts'
import { ask, type HttpAnswer } from './http.ts'
import { podidDefinitions } from './kube-emulator.ts'
import {
  azureJson,
  cloudJson,
  makePasswords,
  NODE,
  type Passwords,
  PROVIDER_ID,
  SCALE_SET,
  systemSeed,
} from './system-azure.ts'
import { Happenings } from './system-happenings.ts'
import { bindingManifest, GROUP, identityManifest, type Manifest, podManifest } from './system-manifests.ts'
import { type PodidProcess, startPodid } from './system-process.ts'

const RBAC = new URL('../../deploy/rbac.yaml', import.meta.url)

/** A request that the API server answered, reduced to what rights are about. */
export interface Access {
  readonly user: string
  readonly verb: string
  readonly resource: string
  readonly target: string
  readonly code: number
}

export interface TokenAsk {
  readonly resource?: string
  readonly clientId?: string
  readonly resourceId?: string
}

export interface SystemPod {
  readonly name: string
  /** Asks for a token as the SDKs do. */
  token(ask?: TokenAsk): Promise<HttpAnswer>
}

export interface System {
  readonly azure: AzureEmulator
  readonly kube: KubeEmulator
  readonly happenings: Happenings
  readonly passwords: Passwords
  readonly folder: string
  readonly nmi: PodidProcess
  readonly mic: PodidProcess
  /** Every line that any component wrote. */
  readonly output: readonly string[]
  readonly accesses: readonly Access[]
  /** Texts that are secret and that nothing may print. */
  readonly secrets: ReadonlySet<string>
  startNmi(options?: StartOptions): Promise<PodidProcess>
  startMic(instance: string, options?: StartOptions): Promise<PodidProcess>
  /** A pod with an address of its own; the same one for the same name. */
  pod(name: string, selector: string): SystemPod
  /** AzureIdentity and binding of that name, and a pod that is bound to it. */
  bound(name: string): SystemPod
  load(...manifests: Manifest[]): void
  /** The stored object, as plain JSON. */
  find(plural: string, name: string, group?: string): Stored | undefined
  /** Resolves with the message of an Event on the object. */
  event(name: string, reason: string): Promise<string>
  /** Resolves when the AzureAssignedIdentity of the pod has this state. */
  assigned(pod: string, state?: string): Promise<Stored>
  /** Canonical ids of what is on the scale set. */
  onScaleSet(): string[]
  /** Resolves when the journal of Azure has a request of that route which fits. */
  asked(route: string, text?: string): Promise<void>
  close(): Promise<void>
}

export interface StartOptions {
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly output?: number
}

type Fields = Readonly<Record<string, unknown>>

export interface Stored {
  readonly metadata: Fields & { readonly name: string }
  readonly spec?: Fields
  readonly status?: Fields
}

const TOKEN = '/metadata/identity/oauth2/token?api-version=2018-02-01'

export async function startSystem(): Promise<System> {
  const owner = new Owner()
  const happenings = new Happenings()
  const clock = happenings.clock()
  const passwords = makePasswords()
  const secrets = new Set<string>(Object.values(passwords))
  const output: string[] = []
  const accesses: Access[] = []
  const folder = await mkdtemp(join(tmpdir(), 'podid-system-'))
  owner.own(() => rm(folder, { recursive: true, force: true }))
  const problems: string[] = []
  const kube = await startKubeEmulator({ onDefect: (text) => problems.push(text) })
  owner.own(() => kube.close())
  const azure = await startAzureEmulator({
    clock,
    imds: [{ compute: `${SCALE_SET}/virtualMachines/0` }],
    seed: systemSeed(passwords),
  })
  owner.own(() => azure.close())
  owner.own(
    kube.audit.subscribe(({ user, verb, resource, subresource, target, code }) => {
      accesses.push({ user, verb, resource: [resource, subresource].filter(Boolean).join('/'), target, code })
      happenings.tell()
    }),
  )
  kube.load(await podidDefinitions())
  kube.load(await rbac())
  kube.load([{ apiVersion: 'v1', kind: 'Node', metadata: { name: NODE }, spec: { providerID: PROVIDER_ID } }])
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const kubeconfig = async (account: string): Promise<string> => {
    const token = kube.issueToken({ namespace: 'default', serviceAccount: account })
    secrets.add(token)
    return file(`kubeconfig-${account}`, kube.kubeconfig().replaceAll(kube.adminToken, token))
  }
  const files = {
    ca: await file('ca.pem', azure.caPem),
    cloud: await file('cloud.json', cloudJson(azure.armUrl)),
    azure: await file('azure.json', azureJson()),
    nmi: await kubeconfig('podid-nmi'),
    mic: await kubeconfig('podid-mic'),
  }
  const imdsPort = azure.imds.doors[0]?.port ?? 0
  const componentEnv = {
    NODE_EXTRA_CA_CERTS: files.ca,
    AZURE_ENVIRONMENT_FILEPATH: files.cloud,
    AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://127.0.0.1:${imdsPort}`,
  }
  let nmiPort = 0
  const pods = new Map<string, SystemPod>()
  const processes: { nmi?: PodidProcess; mic?: PodidProcess } = {}
  const COMMON = ['--probe-address=127.0.0.1', '--http-probe-port=0', '--prometheus-port=0', '--v=5']

  function start(argv: readonly string[], { flags = [], env = {}, output: to }: StartOptions): PodidProcess {
    const child = startPodid([...argv, ...COMMON, ...flags], {
      happenings,
      env: { ...componentEnv, ...env },
      onLine: (line) => output.push(line),
      ...(to === undefined ? {} : { output: to }),
    })
    owner.own(async () => {
      child.signal('SIGKILL')
      await child.ended
    })
    return child
  }

  function find(plural: string, name: string, group = ''): Stored | undefined {
    return kube
      .objects(plural, group)
      .map((object) => object as unknown as Stored)
      .find((object) => object.metadata.name === name)
  }

  const need = (name: 'nmi' | 'mic'): PodidProcess => {
    const child = processes[name]
    if (child === undefined) throw new Error(`${name} was not started`)
    return child
  }

  const system: System = {
    azure,
    kube,
    happenings,
    passwords,
    folder,
    output,
    accesses,
    secrets,
    find,
    get nmi() {
      return need('nmi')
    },
    get mic() {
      return need('mic')
    },
    async startNmi(options = {}) {
      // Without output nobody learns which port the system chose.
      if (options.output !== undefined) nmiPort = await freePort()
      const child = start(
        [
          'nmi',
          `--node=${NODE}`,
          `--kubeconfig=${files.nmi}`,
          '--manage-redirect=false',
          '--metadata-ip=127.0.0.1',
          `--metadata-port=${imdsPort}`,
          '--cloud=AzureStackCloud',
          `--nmi-port=${options.output === undefined ? 0 : nmiPort}`,
        ],
        options,
      )
      processes.nmi = child
      if (options.output !== undefined) return child
      const line = await child.line(/token requests are answered/)
      nmiPort = Number(/"?port"?[=:](\d+)/.exec(line)?.[1])
      const inSync = (): string[] => child.lines.filter((each) => each.includes('watch is in sync'))
      await happenings.until('the five watches of the node agent', () => inSync().length >= 5)
      return child
    },
    async startMic(instance, options = {}) {
      const child = start(
        [
          'mic',
          `--kubeconfig=${files.mic}`,
          `--cloudconfig=${files.azure}`,
          `--leader-election-instance=${instance}`,
          '--leader-election-duration=3s',
        ],
        options,
      )
      processes.mic = child
      await child.line(/started probes/)
      return child
    },
    pod(name, selector) {
      const known = pods.get(name)
      if (known !== undefined) return known
      const ip = `127.0.${10 + Math.floor(pods.size / 250)}.${1 + (pods.size % 250)}`
      kube.load([podManifest(name, selector, ip)])
      const made: SystemPod = {
        name,
        async token({ resource = 'https://vault.azure.net', clientId, resourceId } = {}) {
          const query = new URLSearchParams({ resource })
          if (clientId !== undefined) query.set('client_id', clientId)
          if (resourceId !== undefined) query.set('msi_res_id', resourceId)
          const answer = await ask(`http://127.0.0.1:${nmiPort}`, `${TOKEN}&${query.toString()}`, {
            from: ip,
          })
          const token = answer.status === 200 ? String(answer.json()['access_token']) : ''
          if (token !== '') secrets.add(token)
          return answer
        },
      }
      pods.set(name, made)
      return made
    },
    bound(name) {
      kube.load([identityManifest(name), bindingManifest(name)])
      return system.pod(name, name)
    },
    load: (...manifests) => kube.load(manifests),
    event: (name, reason) =>
      happenings.until(`Event ${reason} on ${name}`, () => {
        const found = kube
          .objects('events')
          .map((each) => each as unknown as { reason: string; message: string; involvedObject: Fields })
          .find((each) => each.reason === reason && each.involvedObject['name'] === name)
        return found?.message
      }),
    assigned: (pod, state = 'Assigned') =>
      happenings.until(`AzureAssignedIdentity of ${pod} in state ${state}`, () =>
        kube
          .objects('azureassignedidentities', GROUP)
          .map((object) => object as unknown as Stored)
          .find(({ spec, status }) => spec?.['pod'] === pod && status?.['status'] === state),
      ),
    onScaleSet: () =>
      [...(azure.state.computes.get(SCALE_SET.toLowerCase())?.identity.user.keys() ?? [])].sort(),
    async asked(route, text = '') {
      const from = azure.journal.requests.length
      await happenings.until(`request ${route} ${text}`, () =>
        azure.journal.requests
          .slice(from)
          .some(
            (each) => each.route === route && `${each.target}${JSON.stringify(each.body)}`.includes(text),
          ),
      )
    },
    async close() {
      await owner.close()
      if (problems.length > 0) throw new Error(`the API emulator failed: ${problems.join('; ')}`)
    },
  }
  return system
}

async function rbac(): Promise<Fields[]> {
  return parseAllDocuments(await readFile(RBAC, 'utf8')).map((each) => each.toJS() as Fields)
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
