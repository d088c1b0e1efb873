import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { createHelm, type Helm } from '../harness/helm.ts'
import type { Kubectl } from '../harness/kubectl.ts'

export const CHART = join(import.meta.dirname, '..', '..', 'charts', 'podid')
export const OLD_VALUES = join(import.meta.dirname, 'values')

/** A Kubernetes object of any kind, read loosely: tests say what they expect. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly command?: readonly string[]
  readonly args: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly resources?: unknown
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly volumeMounts?: readonly {
    readonly name: string
    readonly mountPath: string
    readonly readOnly?: boolean
  }[]
}

export interface PodSpec {
  readonly serviceAccountName?: string
  readonly hostNetwork?: boolean
  readonly dnsPolicy?: string
  readonly automountServiceAccountToken?: boolean
  readonly priorityClassName?: string
  readonly nodeSelector?: Readonly<Record<string, string>>
  readonly affinity?: unknown
  readonly tolerations?: unknown
  readonly imagePullSecrets?: unknown
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly initContainers?: readonly Container[]
  readonly containers: readonly [Container, ...Container[]]
  readonly volumes?: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[]
}

/** What the chart makes of some values. */
export class Rendered {
  readonly objects: readonly Manifest[]

  constructor(text: string) {
    this.objects = parseAllDocuments(text)
      .map((each) => each.toJS() as Manifest | null)
      .filter((each) => each !== null)
  }

  /** Objects of a kind; hooks too. */
  all(kind: string): readonly Manifest[] {
    return this.objects.filter((each) => each.kind === kind)
  }

  /** @throws Error when there is not exactly one whose name ends so. */
  one(kind: string, nameEnd: string): Manifest {
    const found = this.all(kind).filter(({ metadata }) => metadata.name.endsWith(nameEnd))
    const [only] = found
    if (only === undefined || found.length > 1) throw new Error(`${found.length} ${kind} ...${nameEnd}`)
    return only
  }

  pod(kind: string, nameEnd: string): PodSpec {
    return podOf(this.one(kind, nameEnd))
  }
}

/** The pod of a DaemonSet, Deployment or Job. */
export function podOf(workload: Manifest): PodSpec {
  return (workload['spec'] as { template: { spec: PodSpec } }).template.spec
}

export const WORKLOADS = ['DaemonSet', 'Deployment', 'Job']

export type Values = Readonly<Record<string, unknown>>

/** `helm template` of the chart. @throws Error with Helm's words. */
export async function render(
  helm: Helm,
  values: Values = {},
  ...flags: readonly string[]
): Promise<Rendered> {
  const args = ['template', 'podid', CHART, '--namespace', 'podid-system', '--values', '-', ...flags]
  return new Rendered(await helm.ok(args, JSON.stringify(values)))
}

/** What Helm says about values that the chart refuses. @throws Error when it takes them. */
export async function refusal(helm: Helm, values: Values): Promise<string> {
  const { code, stdout, stderr } = await helm.run(
    ['template', 'podid', CHART, '--values', '-'],
    JSON.stringify(values),
  )
  if (code === 0) throw new Error(`these values were taken: ${JSON.stringify(values)}`)
  return `${stdout}${stderr}`
}

/** The notes after an install with these values. */
export async function notes(helm: Helm, values: Values = {}): Promise<string> {
  const args = ['install', 'podid', CHART, '--dry-run=client', '--namespace', 'podid-system', '--values', '-']
  const text = await helm.ok(args, JSON.stringify(values))
  return text.slice(text.indexOf('\nNOTES:'))
}

/**
 * Lets a real API server check every object of the chart against its own schemas, without storing any: unknown and
 * wrong fields are errors. The definitions of the custom resources must be there.
 * @throws Error with the server's words.
 */
export async function checkAgainstServer(kubectl: Kubectl, values: Values = {}): Promise<void> {
  const helm: Helm = await createHelm()
  try {
    // The namespace need not exist: objects of others are checked in it as well.
    const { objects } = await render(helm, values, '--namespace', 'default')
    const known = objects.filter(({ kind }) => kind !== 'PodMonitor')
    const list = { apiVersion: 'v1', kind: 'List', items: known }
    await kubectl.ok(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], JSON.stringify(list))
  } finally {
    await helm.close()
  }
}
