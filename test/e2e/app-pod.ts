/** A pod of the test application (test/e2e/app), and what can be asked of it. */
import { APP_IMAGE } from './app-image.ts'
import { type PodObject, podsPath, readyCondition } from './cluster/pod-object.ts'
import { until } from './cluster/until.ts'
import type { World } from './world.ts'

export interface AppPodOptions {
  /** Value of the label `aadpodidbinding`; none without it. */
  readonly selector?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly node?: string
  readonly command?: readonly string[]
  readonly image?: string
  /** Added to the pod's spec. */
  readonly spec?: Readonly<Record<string, unknown>>
}

export interface Answer {
  readonly at: string
  readonly status: number
  readonly ms: number
  /** How long the program had run when it asked, milliseconds. */
  readonly ageMs: number
  readonly body?: unknown
  readonly error?: string
  readonly retryAfter?: string
  /** What earlier tries of the same request ended with (`load -retries`). */
  readonly failed?: readonly { readonly at: string; readonly cause: string }[]
}

export interface TokenOrder {
  readonly resource?: string
  readonly clientId?: string
  readonly resourceId?: string
  readonly objectId?: string
  readonly timeoutSeconds?: number
}

/** One container of the test application, for pods with several of them. */
export function appContainer(
  name: string,
  args: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return { name, image: APP_IMAGE, imagePullPolicy: 'Never', args, ...more }
}

/** Template of a pod, also for Deployments and Jobs. */
export function appPodTemplate(options: AppPodOptions): {
  metadata: { labels: Record<string, string> }
  spec: Record<string, unknown>
} {
  const { selector, labels = {}, node, command = ['wait'], image = APP_IMAGE, spec = {} } = options
  return {
    metadata: { labels: { ...labels, ...(selector === undefined ? {} : { aadpodidbinding: selector }) } },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...(node === undefined ? {} : { nodeSelector: { 'kubernetes.io/hostname': node } }),
      containers: [{ name: 'app', image, imagePullPolicy: 'Never', args: command }],
      ...spec,
    },
  }
}

export function appPodManifest(
  name: string,
  options: AppPodOptions,
): Record<string, unknown> & { kind: string } {
  const { metadata, spec } = appPodTemplate(options)
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name }, spec }
}

export function tokenFlags({
  resource,
  clientId,
  resourceId,
  objectId,
  timeoutSeconds,
}: TokenOrder): string[] {
  const flags = {
    resource,
    'client-id': clientId,
    'res-id': resourceId,
    'object-id': objectId,
    timeout: timeoutSeconds,
  }
  return Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`-${name}=${value}`]))
}

export class AppPod {
  readonly namespace: string
  readonly name: string
  readonly #world: Pick<World, 'kubectl' | 'reads'>

  constructor(world: Pick<World, 'kubectl' | 'reads'>, namespace: string, name: string) {
    this.#world = world
    this.namespace = namespace
    this.name = name
  }

  async running(seconds = 60): Promise<void> {
    await this.when('ready', seconds, (pod) => readyCondition(pod) !== undefined)
  }

  /** Resolves when its containers have ended well. */
  async succeeded(seconds = 90): Promise<void> {
    await this.when('at its good end', seconds, ({ status }) => status.phase === 'Succeeded')
  }

  /** Resolves when the pod is there and as wanted. @throws Error naming `what` and its phase when the time is over */
  async when(what: string, seconds: number, wanted: (pod: PodObject) => boolean): Promise<PodObject> {
    let last = 'no such pod'
    const deadlineMs = seconds * 1_000
    return until(`${this.namespace}/${this.name} is ${what}`, { deadlineMs, last: () => last }, async () => {
      const pod = await this.#world.reads.pod(this.namespace, this.name)
      last = pod === undefined ? 'no such pod' : JSON.stringify(pod.status)
      return pod !== undefined && wanted(pod) ? pod : undefined
    })
  }

  /** What the API server tells of it now. @throws Error when it is not there */
  async object(): Promise<PodObject> {
    const pod = await this.#world.reads.pod(this.namespace, this.name)
    if (pod === undefined) throw new Error(`there is no pod ${this.namespace}/${this.name}`)
    return pod
  }

  /** Its address; empty when it has none yet. */
  async address(): Promise<string> {
    return (await this.object()).status.podIP ?? ''
  }

  /** Asks for a token once, inside the pod. */
  async token(order: TokenOrder = {}): Promise<Answer> {
    return this.#ask('token', ...tokenFlags(order))
  }

  /** Any request to any address, inside the pod. */
  async get(
    url: string,
    headers: Readonly<Record<string, string>> = {},
    method = 'GET',
    timeoutSeconds = 30,
  ): Promise<Answer> {
    const flags = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}:${value}`])
    return this.#ask('get', ...flags, '-X', method, `-timeout=${timeoutSeconds}`, url)
  }

  /** Runs a program in the pod. @throws Error with what it printed */
  async exec(...args: readonly string[]): Promise<string> {
    return this.#run('exec', this.name, '--', ...args)
  }

  /** The lines of JSON that its program printed. */
  async answers(container?: string): Promise<Answer[]> {
    const text = await this.logs(container)
    return text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Answer)
  }

  logs(container?: string): Promise<string> {
    const path = `${podsPath(this.namespace)}/${this.name}/log`
    return this.#world.reads.text(path, container === undefined ? {} : { container })
  }

  async delete(...flags: readonly string[]): Promise<void> {
    await this.#run('delete', 'pod', this.name, ...flags)
  }

  async #ask(...args: readonly string[]): Promise<Answer> {
    return JSON.parse(await this.exec('/app', ...args)) as Answer
  }

  #run(...args: readonly string[]): Promise<string> {
    return this.#world.kubectl.ok(['--namespace', this.namespace, ...args])
  }
}
