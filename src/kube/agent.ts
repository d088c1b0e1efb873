import { Agent as HttpAgent } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent } from 'node:https'

/** An idle connection is closed before the API server or a load balancer in between does it. */
const IDLE_MS = 30_000

/** Probes on silent connections, so that a watch notices a peer that vanished. */
const TCP_KEEP_ALIVE_MS = 30_000

/** Watches hold a connection each; a write burst adds some. */
const MOST_SOCKETS = 64

/** Keep-alive agent for the server's protocol. Plain http is for tests and `kubectl proxy`. */
export function createAgent(server: string, tls: AgentOptions): HttpAgent {
  const options = {
    keepAlive: true,
    keepAliveMsecs: TCP_KEEP_ALIVE_MS,
    maxSockets: MOST_SOCKETS,
    maxFreeSockets: 4,
    scheduling: 'lifo' as const,
    timeout: IDLE_MS,
  }
  return server.startsWith('https:') ? new HttpsAgent({ ...tls, ...options }) : new HttpAgent(options)
}
