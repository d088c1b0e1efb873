import { systemClock } from '../../base/clock.ts'
import { createCommandRunner } from '../../nmi/redirect/command-runner.ts'
import { createRedirect, type Redirect } from '../../nmi/redirect/redirect.ts'
import type { Log } from '../../telemetry/log.ts'
import { createRedirectMetrics } from '../../telemetry/redirect-metrics.ts'
import type { Registry } from '../../telemetry/registry.ts'
import type { NmiFlags } from './config.ts'

/** The packet redirect that the flags describe; nothing is touched before it is asked to. */
export function redirectOf(flags: NmiFlags, registry: Registry, log: Log): Redirect {
  return createRedirect(
    {
      addresses: {
        metadataIp: flags['metadata-ip'],
        metadataPort: flags['metadata-port'],
        listenAddress: flags['nmi-listen-address'],
        listenPort: flags['nmi-port'],
      },
      intervalMs: flags['ipt-update-interval-sec'] * 1_000,
      backend: 'auto',
      cutConnections: flags['enable-conntrack-deletion'] ? 'try' : 'off',
      removeOnStop: flags['remove-rules-on-stop'],
      kubenet: { kubeletFile: flags['kubelet-config'], allowed: flags['allow-network-plugin-kubenet'] },
    },
    {
      run: createCommandRunner(systemClock),
      clock: systemClock,
      log,
      metrics: createRedirectMetrics(registry),
    },
  )
}
