import { InvalidArgumentError } from 'commander'
import { parseGoDuration } from '../base/duration.ts'

/** Where a flag comes from: old ones keep name, default and effect. */
export type Origin = 'aad-pod-identity' | 'keyvault-provider' | 'podid'

/** One flag as data: the parser, `--help` and docs/flags.md are made from it. */
export interface Flag<T> {
  readonly default: T
  /** The default as people write it. */
  readonly shown: string
  readonly origin: Origin
  readonly help: string
  /** Placeholder of the value; absent for booleans, whose value is optional. */
  readonly placeholder?: string
  /** Environment variable that is read when the flag is absent. */
  readonly env?: string
  readonly short?: string
  /** @throws InvalidArgumentError with what is wrong and what is expected. */
  parse(text: string): T
}

export type FlagTable = Readonly<Record<string, Flag<unknown>>>

export type ValuesOf<Table extends FlagTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Flag<infer Value> ? Value : never
}

interface Common {
  readonly origin?: Origin
  readonly env?: string
  readonly short?: string
}

export function text(fallback: string, help: string, common: Common = {}): Flag<string> {
  return {
    ...base(common),
    default: fallback,
    shown: fallback,
    help,
    placeholder: 'text',
    parse: (value) => value,
  }
}

export function choice<T extends string>(
  choices: readonly [T, ...T[]],
  help: string,
  common: Common = {},
): Flag<T> {
  const parse = (value: string): T => {
    const known = choices.find((each) => each === value.toLowerCase())
    if (known === undefined) throw new InvalidArgumentError(`it is one of: ${choices.join(', ')}`)
    return known
  }
  return {
    ...base(common),
    default: choices[0],
    shown: choices[0],
    help,
    placeholder: choices.join('|'),
    parse,
  }
}

export function boolean(fallback: boolean, help: string, common: Common = {}): Flag<boolean> {
  return { ...base(common), default: fallback, shown: String(fallback), help, parse: parseBoolean }
}

export function integer(
  fallback: number,
  range: readonly [min: number, max: number],
  help: string,
  common: Common = {},
): Flag<number> {
  const [min, max] = range
  const parse = (value: string): number => {
    const number = Number(value)
    const ok = /^[+-]?\d+$/.test(value) && number >= min && number <= max
    if (!ok) throw new InvalidArgumentError(`it is a whole number from ${min} to ${max}`)
    return number
  }
  return { ...base(common), default: fallback, shown: String(fallback), help, placeholder: 'number', parse }
}

export function port(fallback: number, help: string, common: Common = {}): Flag<number> {
  return integer(fallback, [0, 65_535], help, common)
}

/** The value is milliseconds; people write Go's notation. */
export function duration(shown: string, help: string, common: Common = {}): Flag<number> {
  return {
    ...base(common),
    default: parseDuration(shown),
    shown,
    help,
    placeholder: 'duration',
    parse: parseDuration,
  }
}

export function list(help: string, common: Common = {}): Flag<readonly string[]> {
  const parse = (value: string): readonly string[] =>
    value
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '')
  return { ...base(common), default: [], shown: '', help, placeholder: 'a,b', parse }
}

function base(common: Common) {
  return { origin: 'aad-pod-identity' as Origin, ...common }
}

function parseDuration(value: string): number {
  const milliseconds = parseGoDuration(value)
  if (milliseconds === undefined || milliseconds < 0) {
    throw new InvalidArgumentError('it is a duration such as 30s, 3m or 1h30m')
  }
  return milliseconds
}

/** What Go's strconv.ParseBool accepts. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  true: true,
  '0': false,
  f: false,
  false: false,
}

function parseBoolean(value: string): boolean {
  const known = Object.hasOwn(BOOLEANS, value.toLowerCase()) ? BOOLEANS[value.toLowerCase()] : undefined
  if (known === undefined) throw new InvalidArgumentError('it is true or false')
  return known
}
