/** One figure of the table: what was measured, what is aimed at, and whether it was reached in this run. */
export interface Row {
  readonly figure: string
  readonly measured: string
  readonly aim: string
  readonly reached: boolean
  /** Numbers behind it, for --json. */
  readonly numbers: Readonly<Record<string, number>>
}

export interface BenchOptions {
  /** A tenth of the work, to see that the bench runs. */
  readonly short: boolean
}

export type Figure = (options: BenchOptions) => Promise<Row[]>

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits))
}
