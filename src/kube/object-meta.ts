import * as v from 'valibot'

/** A text field that may be missing or of a wrong type; both read as empty. */
export const looseText = v.optional(v.fallback(v.string(), ''), '')

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A map of texts that may be missing or of a wrong type; entries that are no text are left out. */
export const looseTexts = v.optional(
  v.fallback(
    v.pipe(
      // Not v.record, for which a list is a map, too.
      v.custom<Record<string, unknown>>(isMap),
      v.transform((map) =>
        Object.fromEntries(
          Object.entries(map).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
        ),
      ),
    ),
    {},
  ),
  {},
)

const owner = v.object({ kind: looseText, name: looseText, controller: v.optional(v.unknown()) })

const metadata = v.object({
  name: v.pipe(v.string(), v.minLength(1)),
  namespace: looseText,
  uid: looseText,
  resourceVersion: looseText,
  creationTimestamp: looseText,
  deletionTimestamp: looseText,
  labels: looseTexts,
  annotations: looseTexts,
  finalizers: v.optional(v.fallback(v.array(v.string()), []), []),
  ownerReferences: v.optional(v.fallback(v.array(owner), []), []),
})

export type ObjectMeta = v.InferOutput<typeof metadata>

const withMetadata = v.object({ metadata })

/** Metadata of an object of the API; undefined when it has no name, so it cannot be kept. */
export function readMetadata(raw: unknown): ObjectMeta | undefined {
  const read = v.safeParse(withMetadata, raw)
  return read.success ? read.output.metadata : undefined
}

/** A timestamp of the API in milliseconds since the epoch; 0 when it cannot be read. */
export function millisecondsOf(timestamp: string): number {
  const parsed = Date.parse(timestamp)
  return Number.isNaN(parsed) ? 0 : parsed
}
