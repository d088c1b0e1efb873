import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js'
import type { Clock } from '../../base/clock.ts'
import { asError, errorText } from '../../base/errors.ts'
import type { KeyVaultMetrics } from '../../telemetry/keyvault-metrics.ts'
import type { Log } from '../../telemetry/log.ts'
import { MountFailure } from '../mount-failure.ts'
import type { MountResult } from '../mount-order.ts'
import type { MountMessage } from '../request/mount-request.ts'
import { CSIDriverProviderService, type MountRequest, type MountResponse } from './generated/driver.ts'
import { mountAnswer } from './mount-answer.ts'
import { createMountLimit, DriverLeftError, type MountLimit } from './mount-limit.ts'
import { asMountFailure, mountStatus } from './mount-status.ts'

/** @throws MountFailure; the signal's reason when it aborts */
export type MountHandler = (message: MountMessage, signal: AbortSignal) => Promise<MountResult>

export interface MountCallsOptions {
  /** At once; more are refused. */
  readonly maxMounts: number
  readonly maxAnswerBytes: number
}

interface MountCallsDeps {
  readonly mount: MountHandler
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Pick<KeyVaultMetrics, 'mountEnded' | 'grpcRequest'>
}

/** The calls of `Mount`: bounded in number and time, each answered once whatever the mount does. */
export interface MountCalls {
  readonly handle: (
    call: ServerUnaryCall<MountRequest, MountResponse>,
    answer: sendUnaryData<MountResponse>,
  ) => void
  /** Mounts that have not ended; a mount that goes on after its answer counts until it does. */
  readonly underWay: number
  /** Resolves when none is under way. */
  idle(): Promise<void>
  /** Aborts what is under way. */
  abort(reason: Error): void
}

const METHOD = CSIDriverProviderService.mount.path

export function createMountCalls(options: MountCallsOptions, deps: MountCallsDeps): MountCalls {
  const { clock, log, metrics } = deps
  const open = new Set<MountLimit>()
  let whenIdle: (() => void)[] = []

  function ended(limit: MountLimit): void {
    open.delete(limit)
    if (open.size > 0) return
    for (const resolve of whenIdle) resolve()
    whenIdle = []
  }

  async function mount(request: MountRequest, limit: MountLimit): Promise<MountResponse> {
    if (open.size >= options.maxMounts) {
      throw new MountFailure('provider-busy', `${options.maxMounts} mounts are under way on this node`)
    }
    open.add(limit)
    const { attributes, secrets, targetPath, permission } = request
    // Behind a resolved promise, so that what a handler throws at once is handled as what it throws later.
    const work = Promise.resolve().then(() =>
      deps.mount({ attributes, secrets, targetPath, permission }, limit.signal),
    )
    void Promise.allSettled([work]).then(() => ended(limit))
    return mountAnswer(await Promise.race([work, limit.overdue]), options.maxAnswerBytes)
  }

  async function handle(
    call: ServerUnaryCall<MountRequest, MountResponse>,
    answer: sendUnaryData<MountResponse>,
  ): Promise<void> {
    const startedAt = clock.monotonic()
    const seconds = (): number => (clock.monotonic() - startedAt) / 1_000
    const limit = createMountLimit(call, clock)
    try {
      const response = await mount(call.request, limit)
      metrics.mountEnded('ok', seconds())
      metrics.grpcRequest({ method: METHOD, code: 'OK', error: '', seconds: seconds() })
      answer(null, response)
    } catch (thrown) {
      if (limit.signal.reason instanceof DriverLeftError) {
        metrics.mountEnded('cancelled', seconds())
        metrics.grpcRequest({ method: METHOD, code: 'Canceled', error: '', seconds: seconds() })
        answer(mountStatus(asMountFailure(thrown)))
        return
      }
      const failure = asMountFailure(thrown)
      if (failure.code === 'internal-error') tellFault(log, failure)
      metrics.mountEnded(failure.code, seconds())
      metrics.grpcRequest({ method: METHOD, code: 'Unknown', error: failure.code, seconds: seconds() })
      answer(mountStatus(failure))
    } finally {
      limit.close()
    }
  }

  return {
    handle: (call, answer) => void handle(call, answer),
    get underWay() {
      return open.size
    },
    idle() {
      if (open.size === 0) return Promise.resolve()
      const { promise, resolve } = Promise.withResolvers<void>()
      whenIdle.push(resolve)
      return promise
    },
    abort(reason) {
      for (const limit of open) limit.abort(reason)
    },
  }
}

/** The one failure whose cause nobody but podid's makers can mend: with its stack. */
function tellFault(log: Log, failure: MountFailure): void {
  const cause = failure.cause === undefined ? failure : asError(failure.cause)
  log.error({ error: errorText(failure), stack: cause.stack }, 'a mount met a fault')
}
