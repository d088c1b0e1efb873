import { systemClock } from '../../base/clock.ts'
import { sleep } from '../../base/deadline.ts'
import { errorText } from '../../base/errors.ts'
import type { Owner } from '../../base/lifecycle.ts'
import { hostFiles } from '../../nmi/redirect/host-files.ts'
import { listenersOn } from '../../nmi/redirect/listening-sockets.ts'
import type { Redirect } from '../../nmi/redirect/redirect.ts'
import type { Door } from '../../telemetry/http-door.ts'
import type { Log } from '../../telemetry/log.ts'

export interface HandOver {
  readonly redirect: Redirect
  readonly probes: Door
  readonly metrics: Door
  /** Takes back what a successor took that has ended. */
  readonly regain: () => Promise<void>
  readonly owner: Owner
  readonly log: Log
}

/** After a successor has ended its ports are free at once, or a moment later. */
const REOPEN_EVERY_MS = 250
const REOPEN_TRIES = 20

/**
 * Lets the next agent of this node start while this one still answers tokens. Both listen for tokens until this
 * one is stopped; probes go to the next one alone, so that the kubelet does not take this one's answer for it.
 * Anybody on the host's network may ask: what shows an agent is a second listener of this process's user on the
 * metrics port, which nobody else can have while this one listens.
 */
export function letSucceed({ redirect, probes, metrics, regain, owner, log }: HandOver): void {
  const doors = [probes, metrics]
  const reopen = async (): Promise<void> => {
    log.warn({}, 'the agent that was to take over has ended: this one goes on')
    for (const door of doors) await openAgain(door, owner.signal)
    await regain()
  }
  redirect.onSuccessor(async (gone) => {
    const listeners = await listenersOn(hostFiles, metrics.port, process.getuid?.() ?? 0)
    if (metrics.port === 0 || listeners < 2) {
      log.warn({}, 'somebody who is no agent asked to take over this node')
      return false
    }
    log.info({}, 'the next agent starts; probes and metrics are its own now')
    await Promise.all(doors.map((door) => door.close()))
    const onGone = (): void => {
      if (owner.signal.aborted) return
      reopen().catch((thrown: unknown) => {
        log.error(
          { error: errorText(thrown) },
          'probes, metrics or the socket of the host door could not be opened again',
        )
      })
    }
    if (gone.aborted) onGone()
    else gone.addEventListener('abort', onGone, { once: true })
    return true
  })
}

async function openAgain(door: Door, signal: AbortSignal): Promise<void> {
  for (let tries = 1; !signal.aborted; tries += 1) {
    try {
      await door.open()
      return
    } catch (thrown) {
      if (tries === REOPEN_TRIES) throw thrown
    }
    await sleep(systemClock, REOPEN_EVERY_MS, signal)
  }
}
