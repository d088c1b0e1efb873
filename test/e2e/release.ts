/** podid on the cluster: installed, changed and removed by the real Helm from charts/podid. */
import { join } from 'node:path'
import { createHelm, type Helm } from '../harness/helm.ts'
import type { Kubectl } from '../harness/kubectl.ts'
import type { Cluster } from './cluster/cluster.ts'
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
      const { stdout } = await this.#kubectl.run([
        'get',
        'leases',
        '-A',
        '-o',
        'jsonpath={range .items[*]}{.metadata.name} {.spec.holderIdentity}{"\\n"}{end}',
      ])
      const mics = await this.pods('mic')
      const holders = stdout.split('\n').map((line) => line.split(' ')[1] ?? '')
      return mics.find((mic) => holders.some((holder) => holder.startsWith(mic)))
    })
  }

  /** Resolves when every pod of the component is ready, and there is one at least. */
  async ready(component: Component, deadlineMs = 90_000): Promise<void> {
    await until(`all pods of ${component} are ready`, { deadlineMs }, async () => {
      const items = await this.#items(component)
      return (
        items.length > 0 &&
        items.every(
          ({ metadata, status }) =>
            metadata.deletionTimestamp === undefined &&
            status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true,
        )
      )
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

  async #items(component: string): Promise<PodItem[]> {
    const label = `app.kubernetes.io/component=${component},app.kubernetes.io/instance=${NAME}`
    const text = await this.#kubectl.ok([
      '--namespace',
      RELEASE_NAMESPACE,
      'get',
      'pods',
      '-l',
      label,
      '-o',
      'json',
    ])
    return (JSON.parse(text) as { items: PodItem[] }).items
  }
}

interface PodItem {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string }
  readonly spec: { readonly nodeName?: string }
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
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
