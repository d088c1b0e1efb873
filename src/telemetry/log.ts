import { type BaseLogger, pino } from 'pino'

/** Fields of a log line. A SecretString prints as `[secret]`. */
export type Fields = Readonly<Record<string, unknown>>

/** Structured log: one line of JSON (or klog-like text) per call; the message is a constant sentence. */
export interface Log {
  debug(fields: Fields, message: string): void
  info(fields: Fields, message: string): void
  warn(fields: Fields, message: string): void
  error(fields: Fields, message: string): void
  /** A log whose lines all carry these fields. */
  with(fields: Fields): Log
}

export interface LogOptions {
  /** klog's verbosity (`-v`): 0 to 4 is info, 5 and more is debug. */
  readonly verbosity: number
  /** `json` or `text`, as `--log-format` had them. */
  readonly format: 'json' | 'text'
  readonly component: string
  /** Where lines go; standard error unless told. */
  readonly write?: (line: string) => void
}

/** Lowest verbosity that shows debug lines. */
const DEBUG_VERBOSITY = 5

export function createLog(options: LogOptions): Log {
  const write = options.write ?? writeToStandardError
  const destination = { write: options.format === 'json' ? write : (line: string) => write(asText(line)) }
  const root = pino(
    {
      level: options.verbosity >= DEBUG_VERBOSITY ? 'debug' : 'info',
      base: { component: options.component },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    destination,
  )
  return wrap(root)
}

/** A log that drops everything, for tests and tools. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLog,
}

/** The part of pino that is used; its own Logger type does not fit exactOptionalPropertyTypes. */
interface LineWriter extends Pick<BaseLogger, 'debug' | 'info' | 'warn' | 'error'> {
  child(fields: object): LineWriter
}

function wrap(logger: LineWriter): Log {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    with: (fields) => wrap(logger.child(fields)),
  }
}

/** A full disk or a closed pipe must not end the agent: what cannot be written is dropped. */
function writeToStandardError(line: string): void {
  process.stderr.write(line, () => {})
}

/** `2026-01-02T03:04:05.678Z info nmi: message key=value ...` for people who read logs in a terminal. */
function asText(line: string): string {
  const { time, level, component, message, ...fields } = JSON.parse(line) as Record<string, unknown>
  const rest = Object.entries(fields)
    .map(([key, value]) => ` ${key}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`)
    .join('')
  return `${String(time)} ${String(level)} ${String(component)}: ${String(message)}${rest}\n`
}

function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : JSON.stringify(text)
}
