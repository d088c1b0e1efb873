const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y

/**
 * Milliseconds of a duration in Go's notation (`15s`, `3m`, `1h30m`, `3600s`, `0`), as Go's
 * `time.ParseDuration` reads it; undefined when it is not one.
 */
export function parseGoDuration(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1
  const body = text.replace(/^[+-]/, '')
  if (body === '0') return 0
  if (body === '') return undefined
  let total = 0
  PART.lastIndex = 0
  while (PART.lastIndex < body.length) {
    const match = PART.exec(body)
    const amount = match?.[1]
    const unit = match?.[2]
    if (amount === undefined || unit === undefined) return undefined
    total += Number(amount) * (UNIT_MS[unit] ?? Number.NaN)
  }
  return sign * total
}
