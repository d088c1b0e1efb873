import type { Clock } from '../../base/clock.ts'
import { errorText } from '../../base/errors.ts'

export interface ReportOptions {
  readonly clock: Clock
  readonly write: (text: string) => void
  readonly colour: boolean
}

/** The demo's voice: numbered steps with times, plain text in a log and colour on a terminal. */
export interface Report {
  chapter(title: string): void
  /** Runs `work`, and says how long it took; the text it returns is the outcome. */
  step(what: string, work: () => Promise<string>): Promise<void>
  /** A line of detail below a step. */
  detail(text: string): void
  /** What the reader should know though nothing failed. */
  note(text: string): void
  /** Seconds since the beginning. */
  readonly seconds: number
}

const STYLES = { bold: '1', green: '32', red: '31', dim: '2', yellow: '33' } as const

export function createReport({ clock, write, colour }: ReportOptions): Report {
  const started = clock.monotonic()
  const paint = (style: keyof typeof STYLES, text: string): string =>
    colour ? `\u001B[${STYLES[style]}m${text}\u001B[0m` : text
  const elapsed = (): number => (clock.monotonic() - started) / 1_000
  const stamp = (): string => paint('dim', `${elapsed().toFixed(1).padStart(5)} s`)

  return {
    chapter: (title) => write(`\n${paint('bold', title)}\n`),
    async step(what, work) {
      const begun = clock.monotonic()
      try {
        const outcome = await work()
        const took = Math.round(clock.monotonic() - begun)
        const tail = outcome === '' ? '' : `: ${outcome}`
        const time = took === 0 ? '' : ` ${paint('dim', `(${took} ms)`)}`
        write(`${stamp()}  ${paint('green', 'ok')}      ${what}${tail}${time}\n`)
      } catch (thrown) {
        write(`${stamp()}  ${paint('red', 'FAILED')}  ${what}: ${errorText(thrown)}\n`)
        throw thrown
      }
    },
    detail: (text) => {
      for (const line of text.split('\n')) write(`                 ${line}\n`)
    },
    note: (text) => write(`${stamp()}  ${paint('yellow', 'note')}    ${text}\n`),
    get seconds() {
      return elapsed()
    },
  }
}
