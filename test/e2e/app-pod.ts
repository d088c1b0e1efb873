/** A pod of the test application (test/e2e/app), and what can be asked of it. */
import type { Kubectl } from '../harness/kubectl.ts'
import { APP_IMAGE } from './app-image.ts'

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
  readonly failed?: readonly string[]
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
  readonly #kubectl: Kubectl

  constructor(kubectl: Kubectl, namespace: string, name: string) {
    this.#kubectl = kubectl
    this.namespace = namespace
    this.name = name
  }

  async running(seconds = 60): Promise<void> {
    await this.#run('wait', '--for=condition=Ready', `pod/${this.name}`, `--timeout=${seconds}s`)
  }

  /** Resolves when its containers have ended well. */
  async succeeded(seconds = 90): Promise<void> {
    await this.#run(
      'wait',
      '--for=jsonpath={.status.phase}=Succeeded',
      `pod/${this.name}`,
      `--timeout=${seconds}s`,
    )
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
    return this.#run('logs', this.name, ...(container === undefined ? [] : ['-c', container]))
  }

  async field(path: string): Promise<string> {
    return this.#run('get', 'pod', this.name, '-o', `jsonpath={${path}}`)
  }

  async delete(...flags: readonly string[]): Promise<void> {
    await this.#run('delete', 'pod', this.name, ...flags)
  }

  async #ask(...args: readonly string[]): Promise<Answer> {
    return JSON.parse(await this.exec('/app', ...args)) as Answer
  }

  #run(...args: readonly string[]): Promise<string> {
    return this.#kubectl.ok(['--namespace', this.namespace, ...args])
  }
}
