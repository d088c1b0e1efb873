/** What one scenario works with: a namespace of its own, and identities of Azure that only it uses. */
import { randomBytes, randomUUID } from 'node:crypto'
import { identityId } from '../make/objects.ts'
import { AppPod, type AppPodOptions, appPodManifest } from './app-pod.ts'
import { type PodObject, podsPath } from './cluster/pod-object.ts'
import { until } from './cluster/until.ts'
import type { World } from './world.ts'

export type Manifest = Readonly<Record<string, unknown>> & { readonly kind: string }

export interface Identity {
  readonly name: string
  /** ARM id. */
  readonly id: string
  readonly clientId: string
}

export interface AssignedIdentity {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly finalizers?: readonly string[]
    readonly deletionTimestamp?: string
  }
  readonly spec: {
    readonly pod: string
    readonly podNamespace: string
    readonly nodename: string
    readonly azureIdentityRef: {
      readonly metadata: { readonly name: string }
      readonly spec: { readonly clientID: string }
    }
  }
  readonly status?: { readonly status: string; readonly reason?: string; readonly message?: string }
}

export class Place {
  readonly namespace: string
  readonly #world: World
  readonly #mark: string

  constructor(world: World, name: string) {
    this.#world = world
    this.#mark = randomBytes(3).toString('hex')
    this.namespace = `${name.slice(0, 40)}-${this.#mark}`
  }

  async open(): Promise<void> {
    await this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } })
    await this.kubectl('wait', '--for=create', 'serviceaccount/default', '--timeout=30s')
  }

  /** Deletes the namespace with all that is in it; how long that takes is part of what podid promises. */
  async close(): Promise<void> {
    await this.#world.kubectl.ok([
      'delete',
      'namespace',
      this.namespace,
      '--timeout=60s',
      '--ignore-not-found',
    ])
  }

  /** kubectl in this namespace. @throws Error with what it printed */
  kubectl(...args: readonly string[]): Promise<string> {
    return this.#world.kubectl.ok(['--namespace', this.namespace, ...args])
  }

  async apply(...manifests: readonly Manifest[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: manifests }
    await this.#world.kubectl.ok(['--namespace', this.namespace, 'apply', '-f', '-'], JSON.stringify(list))
  }

  /** A new identity of Azure whose name no other scenario has. */
  identity(name: string): Identity {
    const identity = this.absentIdentity(name)
    this.plant(identity)
    return identity
  }

  /** The name of one that Azure does not have (yet: `plant`). */
  absentIdentity(name: string): Identity {
    const full = `${name}-${this.#mark}`
    return { name: full, id: identityId(full), clientId: randomUUID() }
  }

  /** Somebody creates it in Azure. */
  plant({ id, clientId }: Identity): void {
    this.#world.azure.plant({ identities: [{ id, clientId }] })
  }

  /** AzureIdentity and AzureIdentityBinding for it; pods with that selector may use it. */
  async bind(
    identity: Identity,
    { selector = identity.name, spec = {} }: { selector?: string; spec?: object } = {},
  ): Promise<void> {
    await this.apply(this.identityManifest(identity, spec), this.bindingManifest(identity, selector))
  }

  identityManifest({ name, id, clientId }: Identity, spec: object = {}): Manifest {
    return {
      apiVersion: 'aadpodidentity.k8s.io/v1',
      kind: 'AzureIdentity',
      metadata: { name },
      spec: { type: 0, resourceID: id, clientID: clientId, ...spec },
    }
  }

  bindingManifest({ name }: Identity, selector: string): Manifest {
    return {
      apiVersion: 'aadpodidentity.k8s.io/v1',
      kind: 'AzureIdentityBinding',
      metadata: { name: `${name}-binding` },
      spec: { azureIdentity: name, selector },
    }
  }

  /** Creates a pod of the test application and waits until it runs. */
  async pod(name: string, options: AppPodOptions = {}): Promise<AppPod> {
    const pod = await this.startPod(name, options)
    await pod.running()
    return pod
  }

  /** Creates it only. */
  async startPod(name: string, options: AppPodOptions = {}): Promise<AppPod> {
    await this.apply(appPodManifest(name, options))
    return this.existing(name)
  }

  /** A pod that something else has made. */
  existing(name: string): AppPod {
    return new AppPod(this.#world, this.namespace, name)
  }

  /** Names of the namespace's pods with a label. */
  async podNames(label: string): Promise<string[]> {
    return (await this.pods(label)).map(({ metadata }) => metadata.name)
  }

  pods(labelSelector: string): Promise<readonly PodObject[]> {
    return this.#world.reads.list<PodObject>(podsPath(this.namespace), { labelSelector })
  }

  /** The AzureAssignedIdentity objects of this namespace's pods; the objects of open identities are in `default`. */
  async assigned(): Promise<AssignedIdentity[]> {
    const path = '/apis/aadpodidentity.k8s.io/v1/azureassignedidentities'
    const items = await this.#world.reads.list<AssignedIdentity>(path)
    return items.filter(({ spec }) => spec.podNamespace === this.namespace)
  }

  /** Resolves when the pod has exactly these identities, all assigned. */
  async whenAssigned(
    pod: string,
    identities: readonly Identity[],
    deadlineMs = 60_000,
  ): Promise<AssignedIdentity[]> {
    const wanted = identities
      .map(({ name }) => name)
      .sort()
      .join()
    let last = ''
    const what = `${this.namespace}/${pod} has assigned identities: ${wanted}`
    return until(what, { deadlineMs, last: () => last }, async () => {
      const mine = (await this.assigned()).filter(({ spec }) => spec.pod === pod)
      last = mine
        .map(({ spec, status }) => `${spec.azureIdentityRef.metadata.name} ${status?.status ?? ''}`)
        .join(', ')
      const ready = mine.filter(
        ({ status, metadata }) => status?.status === 'Assigned' && metadata.deletionTimestamp === undefined,
      )
      const names = ready
        .map(({ spec }) => spec.azureIdentityRef.metadata.name)
        .sort()
        .join()
      return names === wanted && mine.length === ready.length ? mine : undefined
    })
  }

  /** Resolves when the namespace's pods have no AzureAssignedIdentity any more. */
  async whenNothingAssigned(deadlineMs = 60_000): Promise<void> {
    let last = ''
    await until(`nothing is assigned in ${this.namespace}`, { deadlineMs, last: () => last }, async () => {
      const left = await this.assigned()
      last = left.map(({ metadata }) => metadata.name).join()
      return left.length === 0
    })
  }

  /** Resolves when a scale set or VM has exactly these identities besides those of the cluster and of other scenarios. */
  async whenOnMachine(resource: string, identities: readonly Identity[], deadlineMs = 60_000): Promise<void> {
    const wanted = identities
      .map(({ id }) => id.toLowerCase())
      .sort()
      .join()
    const own = (): string => this.onMachine(resource).sort().join()
    await until(
      `${resource} has of this scenario: ${wanted}`,
      { deadlineMs, last: own },
      () => own() === wanted,
    )
  }

  /** Lower-case ids of this scenario's identities that are on the scale set or VM now. */
  onMachine(resource: string): string[] {
    return this.#world.identitiesOn(resource).filter((id) => id.endsWith(`-${this.#mark}`))
  }
}
