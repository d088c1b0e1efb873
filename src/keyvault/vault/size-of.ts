import type { Held } from './question.ts'

/** Objects, strings and the maps that hold them; measured as a generous mean. Bytes. */
const OVERHEAD = 512
const OVERHEAD_OF_LINE = 160

/** What a value takes in memory, bytes; rather too much than too little. */
export function sizeOf(value: Held): number {
  return OVERHEAD + payloadOf(value)
}

function payloadOf(value: Held): number {
  if (!('shelf' in value)) return value.length * OVERHEAD_OF_LINE
  if (value.shelf === 'certificates') return value.der.length
  if (value.shelf === 'keys') return 2 * JSON.stringify(value.jwk).length
  return 2 * (value.value.length + (value.contentType ?? '').length + (value.keyId ?? '').length)
}
