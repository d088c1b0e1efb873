import { mkdir } from 'node:fs/promises'
import { type CallOptions, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import type { Clock } from '../../src/base/clock.ts'
import { type VolumeFile, writeVolume } from './atomic-writer.ts'
import { CSIDriverProviderClient, type MountAnswer, type VersionAnswer } from './generated/driver.ts'
import { callRefused, MountRefused } from './mount-refused.ts'
import { pathFault } from './path-rules.ts'

export interface CsiDriverOptions {
  /** Path of the provider's socket. */
  readonly socket: string
  /** Of the driver's `--max-call-recv-msg-size`. */
  readonly maxAnswerBytes?: number
  /** Kubelet's patience with one mount. */
  readonly timeoutMs?: number
  /** Its wall clock is the machine's: the deadline of a call is a time of day. */
  readonly clock: Clock
}

export interface MountOrder {
  /** Parameters of the class, attributes of the volume and what kubelet adds. */
  readonly attributes: Readonly<Record<string, string>>
  /** The Secret of nodePublishSecretRef, if there is one. */
  readonly secrets?: Readonly<Record<string, string>>
  /** Folder of the volume; made if it is not there. */
  readonly targetPath: string
  /** Permission bits of files that name none; 0644 unless told. */
  readonly permission?: number
  readonly signal?: AbortSignal
}

export interface MountedVolume {
  /** What SecretProviderClassPodStatus shows, by id. */
  readonly objects: ReadonlyMap<string, string>
  readonly files: readonly string[]
  /** False when the volume had these contents already. */
  readonly written: boolean
}

/** What the Secrets Store CSI driver does between kubelet and a provider: ask it, check its answer, write the files. */
export interface CsiDriver {
  /** The driver's health check. @throws MountRefused */
  version(): Promise<VersionAnswer>
  /** @throws MountRefused; Error of the file system */
  mount(order: MountOrder): Promise<MountedVolume>
  close(): void
}

const MAX_ANSWER_BYTES = 4_194_304
const KUBELET_TIMEOUT_MS = 120_000
const VERSION_TIMEOUT_MS = 5_000

/** Calls wait for the socket and are repeated when the provider goes away, as the driver is set up. */
const SERVICE_CONFIG = JSON.stringify({
  methodConfig: [
    {
      name: [{ service: 'v1alpha1.CSIDriverProvider' }],
      waitForReady: true,
      retryPolicy: {
        maxAttempts: 3,
        initialBackoff: '1s',
        maxBackoff: '10s',
        backoffMultiplier: 1.1,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
})

export function createCsiDriver(options: CsiDriverOptions): CsiDriver {
  const { socket, clock, timeoutMs = KUBELET_TIMEOUT_MS, maxAnswerBytes = MAX_ANSWER_BYTES } = options
  const client = new CSIDriverProviderClient(`unix:${socket}`, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
    'grpc.max_receive_message_length': maxAnswerBytes,
    'grpc.service_config': SERVICE_CONFIG,
    'grpc.enable_channelz': 0,
    // A provider that starts again is met soon.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
  })

  function within(ms: number): Partial<CallOptions> {
    return { deadline: clock.now() + ms }
  }

  return {
    version: () =>
      call((done) =>
        client.version({ version: 'v1alpha1' }, new Metadata(), within(VERSION_TIMEOUT_MS), done),
      ),
    async mount({ attributes, secrets, targetPath, permission = 0o644, signal }) {
      const request = {
        attributes: JSON.stringify(attributes),
        secrets: JSON.stringify(secrets ?? null),
        targetPath,
        permission: String(permission),
        currentObjectVersion: [],
      }
      const answer = await call<MountAnswer>(
        (done) => client.mount(request, new Metadata(), within(timeoutMs), done),
        signal,
      )
      const { objects, files } = checked(answer)
      await mkdir(targetPath, { recursive: true, mode: 0o750 })
      // A provider of old wrote the files itself and sends none.
      const written = files.length > 0 && (await writeVolume(targetPath, files, clock))
      return { objects, files: files.map(({ path }) => path), written }
    },
    close: () => client.close(),
  }
}

async function call<Answer>(
  begin: (done: (error: ServiceError | null, answer: Answer) => void) => { cancel(): void },
  signal?: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const open = begin((error, answer) => {
    if (error === null) resolve(answer)
    else reject(callRefused(error))
  })
  const onAbort = (): void => open.cancel()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await promise
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

function checked(answer: MountAnswer): {
  readonly objects: ReadonlyMap<string, string>
  readonly files: readonly VolumeFile[]
} {
  const code = answer.error?.code ?? ''
  if (code !== '') throw new MountRefused(code, `mount request failed with provider error code ${code}`)
  if (answer.objectVersion.length === 0)
    throw new MountRefused('GRPCProviderError', 'missing object versions')
  for (const { path } of answer.files) {
    const fault = pathFault(path)
    if (fault !== undefined) throw new MountRefused('FileWriteError', fault)
  }
  return {
    objects: new Map(answer.objectVersion.map(({ id, version }) => [id, version])),
    files: answer.files,
  }
}
