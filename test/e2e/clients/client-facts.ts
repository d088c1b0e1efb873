/** What a client program says: JSON lines, the same in every language. */
import * as v from 'valibot'

const start = v.object({
  kind: v.literal('start'),
  client: v.string(),
  versions: v.record(v.string(), v.string()),
})

const times = {
  /** Milliseconds since the epoch, by the clock of the pod. */
  startedMs: v.number(),
  ms: v.number(),
}

const gotToken = v.object({
  kind: v.literal('token'),
  ok: v.literal(true),
  ...times,
  token: v.string(),
  expiresOn: v.number(),
})
const gotSecret = v.object({ kind: v.literal('secret'), ok: v.literal(true), ...times, value: v.string() })
const failed = v.object({
  kind: v.picklist(['token', 'secret']),
  ok: v.literal(false),
  ...times,
  type: v.string(),
  error: v.string(),
})

const result = v.union([gotToken, gotSecret, failed])
const line = v.union([start, result, v.object({ kind: v.literal('end') })])

export type ClientResult = v.InferOutput<typeof result>
export type TokenResult = v.InferOutput<typeof gotToken>

export interface ClientFacts {
  readonly versions: Readonly<Record<string, string>>
  readonly results: readonly ClientResult[]
}

/** @throws Error when a line is none of theirs, or the program did not come to its end. */
export function readFacts(stdout: string): ClientFacts {
  const lines = stdout
    .split('\n')
    .filter((text) => text.trim() !== '')
    .map((text) => parseLine(text))
  const first = lines[0]
  if (first?.kind !== 'start') throw new Error(`the client did not begin: ${stdout.slice(0, 200)}`)
  if (lines.at(-1)?.kind !== 'end') throw new Error('the client did not come to its end')
  return { versions: first.versions, results: lines.filter((each) => 'ok' in each) }
}

function parseLine(text: string): v.InferOutput<typeof line> {
  try {
    return v.parse(line, JSON.parse(text))
  } catch (cause) {
    throw new Error(`the client said what no client says: ${text.slice(0, 200)}`, { cause })
  }
}
