import type { Fields } from '../json.ts'
import { isFields, setField } from '../json.ts'

/** RFC 7386: fields are merged, null takes a field away, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch
  const merged: Fields = isFields(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else setField(merged, key, mergePatch(merged[key], value))
  }
  return merged
}
