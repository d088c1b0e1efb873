import type { TestContext } from 'node:test'
import { probeNodeSandbox } from '../../emulator/node/probe.ts'
import type { RunningProcess } from '../../emulator/node/process.ts'
import { createNodeSandbox, type NodeSandbox } from '../../emulator/node/sandbox.ts'
import type { Shape } from '../../emulator/node/topology.ts'
import { systemClock } from '../../src/base/clock.ts'

/**
 * A sandbox that goes with the test; undefined, and the test is reported as skipped with the reason,
 * where sandboxes cannot be made.
 */
export async function sandboxFor(t: TestContext, shape: Shape): Promise<NodeSandbox | undefined> {
  const probe = await probeNodeSandbox(systemClock)
  if (!probe.usable) {
    t.skip(`needs network namespaces; missing: ${probe.missing.join(', ')}`)
    return undefined
  }
  const sandbox = await createNodeSandbox({ clock: systemClock, shape, prefix: 'podidtst' })
  t.after(() => sandbox.close())
  return sandbox
}

/** Lines of a process, in order, for tests that wait for what it says. */
export interface Lines {
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void
  /** The first line from now on, or not yet looked at, that fits. @throws Error when the process ends before. */
  next(fits: (line: string) => boolean): Promise<string>
  /** Call with the process, so that waiting ends when it does. */
  follow(process: RunningProcess): void
}

export function collectLines(): Lines {
  const seen: string[] = []
  const heard: string[] = []
  let ended = false
  let wake: (() => void) | undefined
  const onLine = (line: string, stream: 'stdout' | 'stderr'): void => {
    heard.push(line)
    if (stream === 'stdout') seen.push(line)
    wake?.()
  }
  return {
    onLine,
    async next(fits) {
      for (;;) {
        for (let line = seen.shift(); line !== undefined; line = seen.shift()) if (fits(line)) return line
        if (ended) throw new Error(`the process ended; it said:\n${heard.slice(-30).join('\n')}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    follow(process) {
      const end = (): void => {
        ended = true
        wake?.()
      }
      process.done.then(end, end)
    },
  }
}
