import { Agent as HttpAgent } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent } from 'node:https'

/** An idle connection is closed before the API server or a load balancer in between does it. */
const IDLE_MS = 30_000

/** Probes on silent connections, so that a watch notices a peer that vanished. */
const TCP_KEEP_ALIVE_MS = 30_000

/** Watches hold a connection each; a write burst adds some. */
const MOST_SOCKETS = 64

/** Idle connections that are kept; when the server restarts, each of them may be stale once. */
export const MOST_IDLE_CONNECTIONS = 4

/** Keep-alive agent for the server's protocol. Plain http is for tests and `kubectl proxy`. */
export function createAgent(server: string, tls: AgentOptions): HttpAgent {
  const options = {
    keepAlive: true,
    keepAliveMsecs: TCP_KEEP_ALIVE_MS,
    maxSockets: MOST_SOCKETS,
    maxFreeSockets: MOST_IDLE_CONNECTIONS,
    scheduling: 'lifo' as const,
    timeout: IDLE_MS,
  }
  return server.startsWith('https:') ? new HttpsAgent({ ...tls, ...options }) : new HttpAgent(options)
}
