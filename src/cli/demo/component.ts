import { request } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import { sleep, withDeadline } from '../../base/deadline.ts'
import { RUNTIME_FLAGS } from '../runtime-flags.ts'
import type { Place, RunningProcess } from './place.ts'

export interface ComponentOptions {
  readonly place: Place
  readonly clock: Clock
  readonly name: 'nmi' | 'mic' | 'keyvault-provider'
  readonly flags: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly probePort: number
  readonly onLine: (component: string, line: string) => void
}

export interface RunningComponent {
  readonly process: RunningProcess
  /** Resolves when `/readyz` says so. @throws Error with the last lines of its log when it ends first. */
  ready(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

const READY_MS = 45_000
const POLL_MS = 25
const KEPT_LINES = 12

/** Starts a component as a process of its own, the program itself with its real command line. */
export function startComponent(options: ComponentOptions): RunningComponent {
  const { place, clock, name, flags } = options
  const lastLines: string[] = []
  const program = process.argv[1] ?? ''
  const running = place.runComponent([process.execPath, ...RUNTIME_FLAGS[name], program, name, ...flags], {
    env: options.env ?? {},
    onLine(line) {
      lastLines.push(line)
      if (lastLines.length > KEPT_LINES) lastLines.shift()
      options.onLine(name, line)
    },
  })
  const ended = running.done.then(({ code }) => {
    throw new Error(`podid ${name} ended with ${code}:\n${lastLines.join('\n')}`)
  })
  ended.catch(() => {})

  async function poll(signal: AbortSignal): Promise<void> {
    while (!(await isReady(place.componentAddress, options.probePort, signal)))
      await sleep(clock, POLL_MS, signal)
  }

  return {
    process: running,
    ready: (signal) =>
      withDeadline({ clock, ms: READY_MS, what: `podid ${name} becoming ready`, parent: signal }, (inTime) =>
        Promise.race([poll(inTime), ended]),
      ),
    stop: () => running.stop(),
  }
}

async function isReady(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  request({ host, port, path: '/readyz', agent: false, signal, timeout: 1_000 }, (response) => {
    response.resume()
    resolve(response.statusCode === 200)
  })
    // Not listening yet.
    .on('error', () => resolve(false))
    .end()
  return promise
}
