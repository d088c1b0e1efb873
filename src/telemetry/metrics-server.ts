import type { Registry } from 'prom-client'
import { errorText } from '../base/errors.ts'
import { createDoor, type Door } from './http-door.ts'
import type { Log } from './log.ts'
import { answer, refusesMethod } from './probes.ts'

export interface MetricsServerOptions {
  readonly host: string
  readonly port: number
  readonly registry: Registry
  readonly log: Log
  /** See DoorOptions. */
  readonly shared?: boolean
}

/** `GET /metrics` in the Prometheus text format. */
export function createMetricsServer({ host, port, registry, log, shared }: MetricsServerOptions): Door {
  return createDoor({ host, port, shared, purpose: 'metrics (--prometheus-port)' }, (request, response) => {
    if (refusesMethod(request, response)) return
    if ((request.url ?? '').split('?', 1)[0] !== '/metrics') {
      answer(response, 404, 'not found: /metrics is here\n')
      return
    }
    registry.metrics().then(
      (text) => answer(response, 200, text, registry.contentType),
      (thrown: unknown) => {
        log.error({ error: errorText(thrown) }, 'metrics could not be rendered')
        answer(response, 500, 'metrics could not be rendered, see the log\n')
      },
    )
  })
}
