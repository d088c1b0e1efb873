import * as v from 'valibot'

/** valibot's records take lists as well. */
const TEXTS = v.nullable(
  v.pipe(
    v.unknown(),
    v.check((value) => !Array.isArray(value)),
    v.record(v.string(), v.nullable(v.string())),
  ),
)

export interface TextLimits {
  /** UTF-16 units of the JSON. */
  readonly length: number
  readonly keys: number
}

/** Why a text is no JSON object of texts. The message says nothing of what it holds: that may be a token. */
export class JsonTextsError extends Error {
  override readonly name = 'JsonTextsError'
}

/**
 * A JSON object of texts, as the CSI driver writes Go's `map[string]string`: `null` is no map at all, a member `null`
 * is empty, of repeated members the last counts. `__proto__` and its like are left out.
 * @throws JsonTextsError
 */
export function parseJsonTexts(json: string, limits: TextLimits): ReadonlyMap<string, string> | undefined {
  if (json.length > limits.length) throw new JsonTextsError(`longer than ${limits.length} characters`)
  const parsed = v.safeParse(TEXTS, parse(json))
  if (!parsed.success) throw new JsonTextsError('not a JSON object whose members are all strings')
  if (parsed.output === null) return undefined
  const entries = Object.entries(parsed.output)
  if (entries.length > limits.keys) throw new JsonTextsError(`more than ${limits.keys} members`)
  return new Map(entries.map(([key, text]) => [key, text ?? '']))
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown
  } catch {
    // The engine's message quotes the text, which may hold a token: it is not even kept as a cause.
    throw new JsonTextsError('not JSON')
  }
}
