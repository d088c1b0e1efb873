/** The gRPC server of the Key Vault provider on a socket in a folder of its own, with mounts that a test settles. */
import { linkSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js'
import { type CsiDriver, createCsiDriver } from '../../emulator/csi/driver.ts'
import {
  CSIDriverProviderClient,
  CSIDriverProviderService,
} from '../../src/keyvault/grpc/generated/driver.ts'
import type { MountHandler } from '../../src/keyvault/grpc/mount-calls.ts'
import {
  createProviderServer,
  type ProviderServer,
  type ProviderServerOptions,
} from '../../src/keyvault/grpc/provider-server.ts'
import type { MountResult } from '../../src/keyvault/mount-order.ts'
import type { MountMessage } from '../../src/keyvault/request/mount-request.ts'
import { createKeyVaultMetrics } from '../../src/telemetry/keyvault-metrics.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createRegistry } from '../../src/telemetry/registry.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

export const ONE_FILE: MountResult = {
  files: [{ path: 'db', mode: 0o644, contents: Buffer.from('hunter2') }],
  objectVersions: [{ id: 'secret/db', version: 'v1' }],
}

export interface ProviderWorld {
  readonly folder: string
  readonly socket: string
  readonly clock: FakeClock
  readonly server: ProviderServer
  /** Lines of the log, JSON. */
  readonly lines: readonly string[]
  metrics(): Promise<string>
  /** Plain client of the generated code. */
  readonly client: CSIDriverProviderClient
  readonly driver: CsiDriver
  [Symbol.asyncDispose](): Promise<void>
}

export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'podid-provider-'))
}

/** Not started yet. Several worlds may share a folder: `folder` says which; then it is not removed with the world. */
export function makeProvider(
  mount: MountHandler = () => Promise.resolve(ONE_FILE),
  options: Partial<ProviderServerOptions> & { readonly folder?: string; readonly clock?: FakeClock } = {},
): ProviderWorld {
  const folder = options.folder ?? makeFolder()
  const socket = join(folder, 'azure.sock')
  // Deadlines of gRPC are times of day.
  const clock = options.clock ?? new FakeClock({ now: Date.now() })
  const registry = createRegistry()
  const lines: string[] = []
  const log = createLog({
    verbosity: 5,
    format: 'json',
    component: 'test',
    write: (line) => void lines.push(line),
  })
  const server = createProviderServer(
    {
      endpoint: `unix://${socket}`,
      runtimeVersion: '0.1.0',
      maxMounts: 256,
      maxAnswerBytes: 4_194_304,
      shutdownMs: 20_000,
      ...options,
    },
    { mount, clock, log, metrics: createKeyVaultMetrics(registry) },
  )
  const client = new CSIDriverProviderClient(`unix:${socket}`, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
  })
  const driver = createCsiDriver({ socket, clock })
  return {
    folder,
    socket,
    clock,
    server,
    lines,
    metrics: () => registry.metrics(),
    client,
    driver,
    async [Symbol.asyncDispose]() {
      client.close()
      driver.close()
      const stopped = settled(server.stop())
      await until(() => stopped.done, clock)
      if (options.folder === undefined) rmSync(folder, { recursive: true })
    },
  }
}

/** A provider that serves, and its mounts. */
export async function startProvider(...args: Parameters<typeof makeProvider>): Promise<ProviderWorld> {
  const world = makeProvider(...args)
  await world.server.start()
  return world
}

/** Real sockets take real time: waits for what they bring, and moves the clock along if one is given. */
export async function until(condition: () => boolean, clock?: FakeClock): Promise<void> {
  while (!condition()) {
    await new Promise<void>((done) => setImmediate(done))
    await clock?.advance(50)
  }
}

/** Tells whether a promise has settled. */
export function settled(promise: Promise<unknown>): { readonly done: boolean } {
  const state = { done: false }
  const end = (): void => {
    state.done = true
  }
  promise.then(end, end)
  return state
}

export interface HeldMount {
  readonly message: MountMessage
  readonly signal: AbortSignal
  answer(result: MountResult): void
  fail(thrown: unknown): void
}

/** A handler whose mounts stay open until the test settles them. */
export function heldMounts(): { readonly handler: MountHandler; readonly held: HeldMount[] } {
  const held: HeldMount[] = []
  return {
    held,
    handler(message, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<MountResult>()
      held.push({ message, signal, answer: resolve, fail: reject })
      return promise
    },
  }
}

/** Another provider at a socket, which stays when it is killed. */
export async function startNeighbour(
  path: string,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<{ stop(): void; kill(): void }> {
  const server = new Server()
  server.addService(CSIDriverProviderService, {
    version: (_call: unknown, answer: (error: null, value: object) => void) =>
      answer(null, { version: 'v1alpha1', runtimeName: name, runtimeVersion: version }),
    mount: () => {},
  })
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
    error === null ? resolve(undefined) : reject(error),
  )
  await promise
  return {
    stop: () => server.forceShutdown(),
    kill() {
      // Node takes the file of the name that it was bound to: under another name it stays.
      renameSync(path, `${path}.kept`)
      server.forceShutdown()
      renameSync(`${path}.kept`, path)
    },
  }
}

/** A socket file that nobody serves, as a killed program leaves it. */
export async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<undefined>()
  server.listen(`${path}.dying`, () => resolve(undefined))
  await promise
  linkSync(`${path}.dying`, path)
  server.close()
}
