import type { Clock } from '../../../src/base/clock.ts'

const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'

/** Five letters that make no words, as the API server appends them to `generateName`. */
export function nameSuffix(clock: Clock): string {
  let suffix = ''
  for (let at = 0; at < 5; at += 1)
    suffix += SUFFIX_LETTERS[Math.floor(clock.random() * SUFFIX_LETTERS.length)] ?? 'x'
  return suffix
}

/** A version 4 UUID out of the clock's randomness, so that a seeded run names its objects the same each time. */
export function newUid(clock: Clock): string {
  const hex = Array.from({ length: 32 }, (_, at) => {
    if (at === 12) return '4'
    const digit = Math.floor(clock.random() * 16)
    return (at === 16 ? (digit & 3) | 8 : digit).toString(16)
  }).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
