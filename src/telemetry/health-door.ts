import { errorText } from '../base/errors.ts'
import { createDoor, type Door } from './http-door.ts'
import { answer, answerChecks, type Check, refusesMethod } from './probes.ts'

export interface HealthDoorOptions {
  readonly host: string
  readonly port: number
  /** Path of the health question, such as `/healthz`. */
  readonly path: string
  /** Why the component does not answer; undefined when it does. Settles in bounded time. */
  readonly health: () => Promise<string | undefined>
  /** Ready means: may be sent work. Depends on the outside. */
  readonly ready: () => readonly Check[]
}

/** Health by asking the component itself, as the Azure Key Vault provider had it (200 `ok`, else 503), and `/readyz`. */
export function createHealthDoor({ host, port, path, health, ready }: HealthDoorOptions): Door {
  return createDoor({ host, port, purpose: 'health (--healthz-port)' }, (request, response) => {
    if (refusesMethod(request, response)) return
    const asked = (request.url ?? '').split('?', 1)[0]
    if (asked === path) {
      health().then(
        (failure) => answer(response, failure === undefined ? 200 : 503, failure ?? 'ok'),
        (thrown: unknown) => answer(response, 503, errorText(thrown)),
      )
    } else if (asked === '/readyz') answerChecks(response, ready())
    else answer(response, 404, `not found: ${path} and /readyz are here\n`)
  })
}
