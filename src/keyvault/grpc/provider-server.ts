import type { Socket } from 'node:net'
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import type { Clock } from '../../base/clock.ts'
import { DeadlineError, withDeadline } from '../../base/deadline.ts'
import { errorText } from '../../base/errors.ts'
import type { Component } from '../../base/lifecycle.ts'
import type { KeyVaultMetrics } from '../../telemetry/keyvault-metrics.ts'
import type { Log } from '../../telemetry/log.ts'
import { parseEndpoint } from './endpoint.ts'
import { CSIDriverProviderService } from './generated/driver.ts'
import { HealthService } from './generated/health.ts'
import { healthAnswer } from './health.ts'
import { createMountCalls, type MountHandler } from './mount-calls.ts'
import { RUNTIME_NAME } from './runtime-name.ts'
import { type ClaimStatus, createSocketClaim } from './socket-claim.ts'
import { createTcpClaim } from './tcp-claim.ts'

export interface ProviderServerOptions {
  /** `unix:///path`, see parseEndpoint. */
  readonly endpoint: string
  /** Semantic version. */
  readonly runtimeVersion: string
  /** Mounts at once. */
  readonly maxMounts: number
  /** Size of the largest answer: what the driver takes at once. */
  readonly maxAnswerBytes: number
  /** How long mounts under way may go on after `stop`. */
  readonly shutdownMs: number
}

export interface ProviderServerDeps {
  readonly mount: MountHandler
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Pick<KeyVaultMetrics, 'mountEnded' | 'grpcRequest' | 'watchMounts' | 'watchSocket'>
}

export interface ProviderServer extends Component {
  /** Whether the socket is podid's; if not, why. */
  status(): ClaimStatus
  /** Where a gRPC client finds it. */
  target(): string
}

/** A Secret has 1 MiB at most, and comes as JSON with the attributes beside it. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024
/** Beyond the mounts: health checks, and mounts that are to be refused instead of waiting at the driver. */
const MORE_STREAMS = 64
/** Time for the last answers to leave once no mount is under way. */
const FLUSH_MS = 1_000

/**
 * The gRPC server that the CSI driver asks: `Version`, `Mount` and the health service.
 * @throws OperatorError for an endpoint that cannot be used
 */
export function createProviderServer(
  options: ProviderServerOptions,
  deps: ProviderServerDeps,
): ProviderServer {
  const { clock, log, metrics } = deps
  const endpoint = parseEndpoint(options.endpoint)
  const calls = createMountCalls(options, deps)
  const server = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.max_concurrent_streams': options.maxMounts + MORE_STREAMS,
  })
  const connections = createConnections(server, log)
  const claim =
    endpoint.kind === 'unix'
      ? createSocketClaim({ path: endpoint.path, onConnection: connections.accept, clock, log })
      : createTcpClaim(endpoint, connections.accept)
  const counted = countedAnswers(deps)
  server.addService(CSIDriverProviderService, {
    version: counted(CSIDriverProviderService.version.path, () => ({
      version: 'v1alpha1',
      runtimeName: RUNTIME_NAME,
      runtimeVersion: options.runtimeVersion,
    })),
    mount: calls.handle,
  })
  server.addService(HealthService, {
    check: counted(HealthService.check.path, () => healthAnswer(claim.status().serving)),
  })
  metrics.watchMounts(() => calls.underWay)
  metrics.watchSocket(() => claim.status().serving)

  /** Lets mounts under way end, then the last answers leave, then cuts what is left. */
  async function drain(): Promise<void> {
    // Its callback comes too early for connections that were handed over: Node counts them as closed by then.
    server.tryShutdown(() => {})
    try {
      await withDeadline({ clock, ms: options.shutdownMs, what: 'the end of mounts' }, () => calls.idle())
      await withDeadline({ clock, ms: FLUSH_MS, what: 'the last answers' }, () => connections.gone())
    } catch (thrown) {
      if (!(thrown instanceof DeadlineError)) throw thrown
      log.warn({ mounts: calls.underWay, error: errorText(thrown) }, 'connections are cut at the stop')
    }
  }

  return {
    start: () => claim.start(),
    status: () => claim.status(),
    target: () => claim.target(),
    async stop() {
      await claim.stop()
      await drain()
      calls.abort(new Error('the provider stops'))
      connections.cut()
      server.forceShutdown()
    },
  }
}

interface Connections {
  readonly accept: (socket: Socket) => void
  /** Resolves when none is open. */
  gone(): Promise<void>
  cut(): void
}

/** Connections that were taken from the socket, handed to the gRPC server and cut at the end. */
function createConnections(server: Server, log: Log): Connections {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const open = new Set<Socket>()
  const { promise: empty, resolve } = Promise.withResolvers<void>()
  let waiting = false
  const look = (): void => {
    if (waiting && open.size === 0) resolve()
  }
  return {
    accept(socket) {
      open.add(socket)
      socket.once('close', () => {
        open.delete(socket)
        look()
      })
      socket.on('error', (error) => log.debug({ error: errorText(error) }, 'a connection failed'))
      injector.injectConnection(socket)
    },
    gone() {
      waiting = true
      look()
      return empty
    },
    cut() {
      for (const socket of open) socket.destroy()
    },
  }
}

/** Calls that are answered at once. */
function countedAnswers({ clock, metrics }: Pick<ProviderServerDeps, 'clock' | 'metrics'>) {
  return <Request, Answer>(method: string, make: () => Answer) =>
    (_call: ServerUnaryCall<Request, Answer>, answer: sendUnaryData<Answer>): void => {
      const startedAt = clock.monotonic()
      answer(null, make())
      const seconds = (clock.monotonic() - startedAt) / 1_000
      metrics.grpcRequest({ method, code: 'OK', error: '', seconds })
    }
}
