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
  const doors = { probes, metrics }
  const reopen = (): Promise<void> => {
    log.warn({}, 'the agent that was to take over has ended: this one goes on')
    return takeBack({ doors, regain, signal: owner.signal, log })
  }
  redirect.onSuccessor(async (gone) => {
    const listeners = await listenersOn(hostFiles, metrics.port, process.getuid?.() ?? 0)
    if (metrics.port === 0 || listeners < 2) {
      log.warn({}, 'somebody who is no agent asked to take over this node')
      return false
    }
    log.info({}, 'the next agent starts; probes and metrics are its own now')
    await Promise.all(Object.values(doors).map((door) => door.close()))
    const onGone = (): void => {
      if (!owner.signal.aborted) void reopen()
    }
    if (gone.aborted) onGone()
    else gone.addEventListener('abort', onGone, { once: true })
    return true
  })
}

/** Takes back each part on its own: one that somebody else has now does not keep the others from it. Never rejects. */
export async function takeBack(deps: {
  readonly doors: Readonly<Record<string, Pick<Door, 'open'>>>
  readonly regain: () => Promise<void>
  readonly signal: AbortSignal
  readonly log: Log
}): Promise<void> {
  const { doors, regain, signal, log } = deps
  const again = async (part: string, open: () => Promise<void>): Promise<void> => {
    try {
      await open()
    } catch (thrown) {
      if (signal.aborted) return
      log.error({ part, error: errorText(thrown) }, 'a part of this agent could not be opened again')
    }
  }
  await Promise.all([
    ...Object.entries(doors).map(([part, door]) => again(part, () => openAgain(door, signal))),
    again('socket of the host door', regain),
  ])
}

async function openAgain(door: Pick<Door, 'open'>, signal: AbortSignal): Promise<void> {
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
