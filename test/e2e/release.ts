/** podid on the cluster: installed, changed and removed by the real Helm from charts/podid. */
import { join } from 'node:path'
import { createHelm, type Helm } from '../harness/helm.ts'
import type { Kubectl } from '../harness/kubectl.ts'
import type { Cluster } from './cluster/cluster.ts'
import { firstContainer, type PodObject, podsPath, readyCondition } from './cluster/pod-object.ts'
import { until } from './cluster/until.ts'
import { PODID_IMAGE } from './podid-image.ts'

/** The chart under test. */
export const CHART = join(import.meta.dirname, '..', '..', 'charts', 'podid')

export const RELEASE_NAMESPACE = 'podid-system'
const NAME = 'podid'

type Values = Readonly<Record<string, unknown>>
type Component = 'nmi' | 'mic' | 'keyvault-provider'

export class Release {
  readonly #cluster: Cluster
  readonly #kubectl: Kubectl
  #helm: Helm | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#kubectl = cluster.kubectl
  }

  get namespace(): string {
    return RELEASE_NAMESPACE
  }

  /** Installs or upgrades, and waits until all pods are ready. @throws Error with Helm's words */
  async install(values: Values = {}, ...flags: readonly string[]): Promise<void> {
    await this.prepare()
    await this.helm(
      ['upgrade', '--install', NAME, CHART, '--values', '-', '--wait', '--timeout', '120s', ...flags],
      JSON.stringify(merged(this.#defaults(), values)),
    )
  }

  async uninstall(...flags: readonly string[]): Promise<void> {
    await this.helm(['uninstall', NAME, '--wait', '--timeout', '120s', ...flags])
  }

  async rollback(): Promise<void> {
    await this.helm(['rollback', NAME, '--wait', '--timeout', '120s'])
  }

  /** The real Helm in the release's namespace. @throws Error with its words */
  async helm(args: readonly string[], input?: string): Promise<string> {
    this.#helm ??= await createHelm(this.#cluster.credentials.kubeconfig('admin'))
    return this.#helm.ok(['--namespace', RELEASE_NAMESPACE, ...args], input)
  }

  /** Names of the pods of a component that are not on their way out, on one node or on all. */
  async pods(component: Component, node?: string): Promise<string[]> {
    const items = await this.#items(component)
    return items
      .filter(
        ({ metadata, spec }) =>
          metadata.deletionTimestamp === undefined && (node === undefined || spec.nodeName === node),
      )
      .map(({ metadata }) => metadata.name)
  }

  /** The pod of MIC that leads. */
  async leader(): Promise<string> {
    return until('MIC has a leader', { deadlineMs: 60_000 }, async () => {
      const leases = await this.#cluster.reads.list<LeaseObject>('/apis/coordination.k8s.io/v1/leases')
      const mics = await this.pods('mic')
      return mics.find((mic) => leases.some(({ spec }) => spec.holderIdentity?.startsWith(mic) === true))
    })
  }

  /** Resolves when every pod of the component is ready, and there is one at least. */
  async ready(component: Component, deadlineMs = 90_000): Promise<void> {
    await until(`all pods of ${component} are ready`, { deadlineMs }, async () => {
      const items = await this.#items(component)
      return (
        items.length > 0 &&
        items.every(
          (pod) => pod.metadata.deletionTimestamp === undefined && readyCondition(pod) !== undefined,
        )
      )
    })
  }

  /** Resolves when the kubelet has started the pod's container a second time and it is ready. */
  async restarted(pod: string, deadlineMs: number): Promise<void> {
    let last = ''
    await until(`${pod} is started again and ready`, { deadlineMs, last: () => last }, async () => {
      const container = firstContainer(await this.#cluster.reads.pod(RELEASE_NAMESPACE, pod))
      last = JSON.stringify(container)
      return container?.restartCount === 1 && container.ready
    })
  }

  logs(pod: string, ...flags: readonly string[]): Promise<string> {
    return this.#kubectl.ok(['--namespace', RELEASE_NAMESPACE, 'logs', pod, ...flags])
  }

  async close(): Promise<void> {
    await this.#helm?.close()
  }

  #defaults(): Values {
    const [repository, tag] = PODID_IMAGE.split(/\/podid:/)
    return {
      image: { repository, tag, imagePullPolicy: 'Never' },
      caBundle: { configMap: 'azure-ca' },
      // A bridge is what kubenet has: the chart refuses it unless told.
      nmi: { allowNetworkPluginKubenet: this.#cluster.shape === 'bridge' },
    }
  }

  /** The namespace of the release, with what its values name. */
  async prepare(): Promise<void> {
    const manifests = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: RELEASE_NAMESPACE } },
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'azure-ca', namespace: RELEASE_NAMESPACE },
        data: { 'ca.crt': this.#cluster.azure.caPem },
      },
    ]
    for (const each of manifests) await this.#kubectl.ok(['apply', '-f', '-'], JSON.stringify(each))
  }

  #items(component: string): Promise<readonly PodObject[]> {
    const labelSelector = `app.kubernetes.io/component=${component},app.kubernetes.io/instance=${NAME}`
    return this.#cluster.reads.list(podsPath(RELEASE_NAMESPACE), { labelSelector })
  }
}

interface LeaseObject {
  readonly spec: { readonly holderIdentity?: string }
}

/** As Helm merges values: maps by key, all else replaced. */
function merged(under: Values, over: Values): Values {
  const both = Object.entries(over).map(([key, value]) => {
    const other = under[key]
    return [key, isMap(other) && isMap(value) ? merged(other, value) : value] as const
  })
  return { ...under, ...Object.fromEntries(both) }
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
