import { Agent as HttpAgent } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent } from 'node:https'
import type { Clock } from '../base/clock.ts'
import type { Proxies } from './proxies.ts'

/** Idle connections are closed after this time, before most servers do it. Milliseconds. */
const IDLE_MS = 50_000

export interface HttpAgentOptions {
  readonly clock: Clock
  readonly connectMs: number
  readonly maxSockets: number
  readonly maxSocketsPerOrigin?: number
  readonly ca?: string
  readonly proxies?: Proxies | undefined
}

export interface HttpAgents {
  readonly plain: HttpAgent
  readonly secure: HttpsAgent
}

/** Kept-alive connections of one client. @param late the error of a tunnel that is not there in time */
export function createHttpAgents(options: HttpAgentOptions, late: (host: string) => Error): HttpAgents {
  const { maxSockets, maxSocketsPerOrigin = maxSockets, proxies, ca } = options
  const common = {
    keepAlive: true,
    maxSockets: maxSocketsPerOrigin,
    maxTotalSockets: maxSockets,
    maxFreeSockets: maxSocketsPerOrigin,
    timeout: IDLE_MS,
    scheduling: 'lifo' as const,
  }
  const secureOptions = ca === undefined ? common : { ...common, ca }
  const { https, http, none } = proxies ?? {}
  const except = none === undefined ? {} : { NO_PROXY: none }
  return {
    plain: new HttpAgent(
      http === undefined ? common : { ...common, proxyEnv: { HTTP_PROXY: http, ...except } },
    ),
    secure:
      https === undefined
        ? new HttpsAgent(secureOptions)
        : new TunnelAgent({ ...secureOptions, proxyEnv: { HTTPS_PROXY: https, ...except } }, options, late),
  }
}

/**
 * Node hands a request its socket only when the tunnel through the proxy stands and is encrypted, and waits without a
 * bound for the latter, so the time for connecting is kept here.
 */
class TunnelAgent extends HttpsAgent {
  readonly #bounds: { readonly clock: Clock; readonly connectMs: number }
  readonly #late: (host: string) => Error

  constructor(
    options: AgentOptions,
    bounds: { readonly clock: Clock; readonly connectMs: number },
    late: (host: string) => Error,
  ) {
    super(options)
    this.#bounds = bounds
    this.#late = late
  }

  override createConnection(...[options, done]: Parameters<HttpsAgent['createConnection']>) {
    const { clock, connectMs } = this.#bounds
    const host = options.host ?? 'the proxy'
    const timer = clock.after(connectMs, () => socket?.destroy(this.#late(host)))
    const socket = super.createConnection(options, (error, stream) => {
      timer.cancel()
      done?.(error, stream)
    })
    socket?.once('close', () => timer.cancel())
    return socket
  }
}
