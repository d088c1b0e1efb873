/** What a scenario of Key Vault works with: a vault, classes that name its objects, and pods with volumes of them. */
import type { Clock } from '../../../src/base/clock.ts'
import { TENANT } from '../../make/objects.ts'
import type { AppPod } from '../app-pod.ts'
import { SELDOM_MS, until } from '../cluster/until.ts'
import type { Identity, Manifest, Place } from '../place.ts'
import type { World } from '../world.ts'
import { TestVault } from './test-vault.ts'
import { MOUNT, type ObjectItem, objectsText, type VaultPodOptions, vaultPod } from './vault-pod.ts'

export interface ClassOptions {
  readonly objects: readonly ObjectItem[]
  /** Further parameters, or others. */
  readonly parameters?: Readonly<Record<string, string>>
  readonly secretObjects?: readonly object[]
}

export interface MountedFile {
  readonly path: string
  readonly mode: string
  readonly sha256: string
  readonly size: number
  readonly text?: string
  readonly error?: string
}

interface PodStatus {
  readonly status: { readonly objects?: readonly { readonly id: string; readonly version: string }[] }
}

/** What a change in the vault needs to be seen in a volume at most: kubelet's sync and the driver's pause. */
export const ROTATION_MS = 60_000
/** kubelet tries a failed mount again after at most 2 min 2 s. */
export const RETRY_MS = 150_000

export class VaultScene {
  readonly place: Place
  readonly world: World
  readonly vault: TestVault

  constructor(place: Place, world: World) {
    this.place = place
    this.world = world
    this.vault = new TestVault(world, this.unique('kv'))
  }

  /** A second vault. */
  another(prefix: string, options: { readonly rbac?: boolean } = {}): TestVault {
    return new TestVault(this.world, this.unique(prefix), options)
  }

  /** A name that no other scenario uses: faults of the emulated Azure are chosen by names in paths. */
  unique(name: string): string {
    return `${name}-${this.place.namespace.slice(-6)}`
  }

  /** An identity bound to pods with its name as label, which may read everything in the vault. */
  async reader(name: string): Promise<Identity> {
    const identity = this.place.identity(name)
    await this.place.bind(identity)
    this.vault.allow(identity.clientId)
    return identity
  }

  /** Creates a SecretProviderClass, or changes it. It logs in by the identity of the pod unless told. */
  async class(name: string, { objects, parameters = {}, secretObjects }: ClassOptions): Promise<void> {
    const manifest: Manifest = {
      apiVersion: 'secrets-store.csi.x-k8s.io/v1',
      kind: 'SecretProviderClass',
      metadata: { name },
      spec: {
        provider: 'azure',
        parameters: {
          keyvaultName: this.vault.name,
          tenantID: TENANT,
          objects: objectsText(objects),
          ...('clientID' in parameters || 'useVMManagedIdentity' in parameters
            ? {}
            : { usePodIdentity: 'true' }),
          ...parameters,
        },
        ...(secretObjects === undefined ? {} : { secretObjects }),
      },
    }
    await this.place.apply(manifest)
  }

  /** Creates a pod with volumes and waits until it runs. */
  async pod(name: string, options: VaultPodOptions): Promise<AppPod> {
    const pod = await this.startPod(name, options)
    await this.running(pod)
    return pod
  }

  /** Resolves when the pod is ready: kubelet may wait for two minutes before it tries a mount again. */
  async running(pod: AppPod, deadlineMs = RETRY_MS): Promise<void> {
    await pod.running(deadlineMs / 1_000)
  }

  startPod(name: string, options: VaultPodOptions): Promise<AppPod> {
    return this.place.startPod(name, vaultPod(options))
  }

  /** Files of a volume by path, as the application sees them. @throws Error when one cannot be read */
  async files(pod: AppPod, folder = MOUNT): Promise<ReadonlyMap<string, MountedFile>> {
    const { files } = JSON.parse(await pod.exec('/app', 'files', folder)) as { files: MountedFile[] }
    const unread = files.find(({ error }) => error !== undefined)
    if (unread !== undefined) throw new Error(`${pod.name} ${folder}/${unread.path}: ${unread.error ?? ''}`)
    return new Map(files.map((each) => [each.path, each]))
  }

  /** Text of one file. */
  async read(pod: AppPod, path: string, folder = MOUNT): Promise<string | undefined> {
    return (await this.files(pod, folder)).get(path)?.text
  }

  /** Resolves when the file holds that text; how long that took, milliseconds. */
  async whenFile(pod: AppPod, path: string, wanted: string, folder = MOUNT): Promise<number> {
    const { clock } = this.world
    const started = clock.monotonic()
    let last: string | undefined
    const what = `${path} of ${pod.name} is ${wanted}`
    const options = { deadlineMs: ROTATION_MS, everyMs: SELDOM_MS, last: () => last ?? 'no file' }
    await until(what, options, async () => {
      last = await this.read(pod, path, folder)
      return last === wanted
    })
    return clock.monotonic() - started
  }

  /** The text of kubelet's event on a pod whose volume cannot be filled, when it says that. */
  async failedMount(pod: string, wanted: RegExp, deadlineMs = 60_000): Promise<string> {
    let last: string[] = []
    const what = `an event FailedMount of ${pod} that says ${String(wanted)}`
    return until(what, { deadlineMs, last: () => last.join('\n') }, async () => {
      last = await this.failedMounts(pod)
      return last.find((each) => wanted.test(each))
    })
  }

  /** All different texts of kubelet's events FailedMount on a pod. */
  async failedMounts(pod: string): Promise<string[]> {
    const path = `/api/v1/namespaces/${this.place.namespace}/events`
    const fieldSelector = `involvedObject.name=${pod},reason=FailedMount`
    const items = await this.world.reads.list<{ message: string }>(path, { fieldSelector })
    return [...new Set(items.map(({ message }) => message))]
  }

  /** Object ids and versions that the driver noted for a pod and class: `secret/name` to version. */
  async versions(pod: string, className: string): Promise<ReadonlyMap<string, string>> {
    const name = `${pod}-${this.place.namespace}-${className}`
    const { namespace } = this.place
    const path = `/apis/secrets-store.csi.x-k8s.io/v1/namespaces/${namespace}/secretproviderclasspodstatuses/${name}`
    const found = await this.world.reads.object<PodStatus>(path)
    if (found === undefined) throw new Error(`there is no ${path}`)
    return new Map((found.status.objects ?? []).map(({ id, version }) => [id, version]))
  }

  /** Volumes of the driver that are mounted on any node for a pod of these uids, a line each. */
  async mounted(uids: readonly string[]): Promise<string[]> {
    const found = await Promise.all(
      this.world.cluster.nodes.map(async (node) => {
        const { stdout } = await node.run(['cat', '/proc/mounts'])
        return stdout.split('\n').filter((line) => line.includes('kubernetes.io~csi'))
      }),
    )
    return found.flat().filter((line) => uids.some((uid) => line.includes(uid)))
  }

  /** Takes the vault's answers about one secret away. @returns what gives them back */
  secretDown(name: string): () => void {
    const { faults } = this.world.azure
    const id = faults.add({
      service: 'vault',
      target: `/secrets/${name}`,
      effect: { kind: 'error', status: 503 },
    })
    return () => faults.remove(id)
  }

  /** Data of a Kubernetes Secret, decoded; undefined when there is none. */
  async secret(name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const path = `/api/v1/namespaces/${this.place.namespace}/secrets/${name}`
    const found = await this.world.reads.object<{ readonly data: Readonly<Record<string, string>> }>(path)
    if (found === undefined) return undefined
    return Object.fromEntries(
      Object.entries(found.data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    )
  }

  /** Resolves when a Secret has that value under that key. */
  async whenSecret(name: string, key: string, wanted: string, deadlineMs = ROTATION_MS): Promise<void> {
    let last: Readonly<Record<string, string>> | undefined
    const what = `Secret ${name} has the wanted ${key}`
    await until(what, { deadlineMs, last: () => Object.keys(last ?? {}).join() }, async () => {
      last = await this.secret(name)
      return last?.[key] === wanted
    })
  }
}

/** Key Vault tells times of versions in whole seconds: resolves when the next one has begun. */
export async function nextSecond(clock: Clock): Promise<void> {
  const second = (): number => Math.floor(clock.now() / 1_000)
  const now = second()
  await until('the next second has begun', { deadlineMs: 5_000 }, () => second() > now)
}
