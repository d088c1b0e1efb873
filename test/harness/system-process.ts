/** podid itself as a child process with its real command line, and everything that it says. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Happenings } from './system-happenings.ts'

const PROGRAM = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface ProcessEnd {
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
}

export interface PodidProcess {
  /** Lines of both streams so far. */
  readonly lines: readonly string[]
  /** Resolves with the first line that fits. @throws Error with the output when the process ends before. */
  line(pattern: RegExp): Promise<string>
  readonly ended: Promise<ProcessEnd>
  readonly running: boolean
  signal(name: NodeJS.Signals): void
  /** Nobody reads a stream any more, as when a log shipper dies. */
  closePipe(stream: 'stdout' | 'stderr'): void
  stop(): Promise<ProcessEnd>
}

export interface ProcessOptions {
  readonly happenings: Happenings
  readonly env?: Readonly<Record<string, string>>
  /** A file descriptor for both streams in place of pipes. */
  readonly output?: number
  readonly onLine?: (line: string) => void
}

/** Nothing of this process's environment is inherited. */
export function startPodid(argv: readonly string[], options: ProcessOptions): PodidProcess {
  const { happenings, env = {}, output = 'pipe', onLine } = options
  const child = spawn(process.execPath, ['--max-semi-space-size=1', PROGRAM, ...argv], {
    env: { HOME: '/nonexistent', ...env },
    stdio: ['ignore', output, output],
  })
  const lines: string[] = []
  let end: ProcessEnd | undefined
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = `${rest}${chunk}`.split('\n')
      rest = parts.pop() ?? ''
      for (const line of parts) {
        lines.push(line)
        onLine?.(line)
      }
      happenings.tell()
    })
  }
  const ended = Promise.withResolvers<ProcessEnd>()
  child.once('error', ended.reject)
  child.once('close', (code, signal) => {
    end = { code: code ?? undefined, signal: signal ?? undefined }
    ended.resolve(end)
    happenings.tell()
  })
  return {
    lines,
    line: (pattern) =>
      happenings.until(`a line like ${String(pattern)} of podid ${argv[0] ?? ''}`, () => {
        const found = lines.find((line) => pattern.test(line))
        if (found === undefined && end !== undefined)
          throw new Error(`podid ended before ${String(pattern)}:\n${lines.slice(-15).join('\n')}`)
        return found
      }),
    ended: ended.promise,
    get running() {
      return end === undefined
    },
    signal: (name) => void child.kill(name),
    closePipe: (stream) => child[stream]?.destroy(),
    async stop() {
      if (end === undefined) child.kill('SIGTERM')
      return ended.promise
    },
  }
}
