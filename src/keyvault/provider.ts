import type { Clock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import type { Component } from '../base/lifecycle.ts'
import type { KeyVaultMetrics } from '../telemetry/keyvault-metrics.ts'
import type { Log } from '../telemetry/log.ts'
import type { Check } from '../telemetry/probes.ts'
import { createProviderServer } from './grpc/provider-server.ts'
import { checkServed } from './grpc/self-check.ts'
import type { VaultTokens } from './identity/vault-login.ts'
import { createMounter } from './mount.ts'
import { MountedVolumes } from './mounted-volumes.ts'
import { createPfxOpenings } from './render/pfx-openings.ts'
import type { RenderSettings } from './render/rendered-part.ts'
import { type OrderRules, readOrder } from './request/read-order.ts'
import type { VaultReader } from './vault/vault-reader.ts'

export interface ProviderConfig {
  /** `unix:///path` of the socket that the CSI driver asks. */
  readonly endpoint: string
  /** Semantic version of podid. */
  readonly version: string
  readonly maxMounts: number
  /** What the driver takes at once. */
  readonly maxAnswerBytes: number
  /** How long mounts under way may go on after `stop`. */
  readonly shutdownMs: number
  /** How long the provider may take to answer itself. */
  readonly healthTimeoutMs: number
  readonly settings: RenderSettings
}

export interface ProviderDeps {
  readonly rules: OrderRules
  readonly tokens: VaultTokens
  readonly reader: VaultReader
  readonly metrics: KeyVaultMetrics
  readonly log: Log
  readonly clock: Clock
}

export interface Provider extends Component {
  /** What keeps it from serving: another provider on the socket, for one. */
  checks(): readonly Check[]
  /**
   * Asks its own socket as the driver would. While another provider has it there is nothing to ask, and a restart
   * would not help.
   * @returns why it does not answer; undefined when all is well
   */
  health(signal?: AbortSignal): Promise<string | undefined>
}

/** A node runs 250 pods at most by Kubernetes' own word; a pod may have several volumes. */
const VOLUMES = 4_096

/** The Key Vault provider of the Secrets Store CSI driver. @throws OperatorError for an endpoint that cannot be used */
export function build(config: ProviderConfig, deps: ProviderDeps): Provider {
  const { clock, log, metrics } = deps
  const mount = createMounter({
    ...deps,
    settings: config.settings,
    pfx: createPfxOpenings(config.settings.constructPemChain),
    maxAnswerBytes: config.maxAnswerBytes,
    readOrder: (message, signal) => readOrder(message, deps.rules, signal),
    volumes: new MountedVolumes(VOLUMES),
    leftOut: () => metrics.objectLeftOut(),
  })
  const server = createProviderServer(
    { ...config, runtimeVersion: config.version },
    { clock, log, metrics, mount },
  )
  const waitsBecause = (): string | undefined => {
    const status = server.status()
    return status.serving ? undefined : status.reason
  }

  return {
    start: () => server.start(),
    stop: () => server.stop(),
    checks: () => [{ name: 'socket', failure: waitsBecause() }],
    async health(signal) {
      if (waitsBecause() !== undefined) return undefined
      const options = { clock, timeoutMs: config.healthTimeoutMs }
      try {
        await checkServed(server.target(), signal === undefined ? options : { ...options, signal })
        return undefined
      } catch (thrown) {
        return errorText(thrown)
      }
    },
  }
}
