import type { Agent } from 'node:http'
import type { RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { errorText, OperatorError } from '../base/errors.ts'
import { trimEnd } from '../base/trim-end.ts'
import { createAgent } from './agent.ts'
import type { KubeConnection } from './connection.ts'

/**
 * The connection that a kubeconfig's current context describes, with every way to log in that kubectl
 * knows (certificates, tokens, token files, exec plugins, OIDC, proxies). Without a path: `KUBECONFIG`,
 * then `~/.kube/config`. The library is loaded here and not at the start: the node agent never needs it.
 * @throws OperatorError when the file cannot be read or names no cluster.
 */
export async function kubeconfigConnection(path?: string): Promise<KubeConnection> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  try {
    if (path === undefined) config.loadFromDefault()
    else config.loadFromFile(path)
  } catch (thrown) {
    throw new OperatorError(`cannot read the kubeconfig ${path ?? '(default)'}: ${errorText(thrown)}`, {
      cause: thrown,
    })
  }
  const cluster = config.getCurrentCluster()
  if (cluster === null) {
    const context = config.getCurrentContext()
    throw new OperatorError(
      `the kubeconfig ${path ?? '(default)'} has no cluster for its context "${context}"`,
    )
  }
  allowPlainHttp(config)
  const agents = createAgentCache(cluster.server)
  return {
    server: trimEnd(cluster.server, '/'),
    async requestOptions() {
      const options: RequestOptions = {}
      await config.applyToHTTPSOptions(options)
      // A proxy's agent is the library's own; its plain agent would close the connection each time.
      if (cluster.proxyUrl !== undefined && cluster.proxyUrl !== '') return options
      return { ...options, agent: agents.agentFor(options) }
    },
    close: () => agents.close(),
  }
}

/** kubectl talks to an `http:` server without further ado; the library wants TLS checks to be off for it. */
function allowPlainHttp(config: KubeConfig): void {
  config.clusters = config.clusters.map((each) =>
    each.server.startsWith('http:') ? { ...each, skipTLSVerify: true } : each,
  )
}

/** One keep-alive agent, replaced when the TLS material changes (an exec plugin's new certificate). */
function createAgentCache(server: string): { agentFor(options: RequestOptions): Agent; close(): void } {
  let key = ''
  let agent: Agent | undefined
  return {
    agentFor(options) {
      const tls = pickTls(options)
      const freshKey = JSON.stringify(tls)
      if (agent === undefined || freshKey !== key) {
        key = freshKey
        agent = createAgent(server, tls)
      }
      return agent
    },
    close: () => agent?.destroy(),
  }
}

function pickTls(options: RequestOptions) {
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(pfx === undefined ? {} : { pfx }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    ...(servername === undefined ? {} : { servername }),
  }
}
