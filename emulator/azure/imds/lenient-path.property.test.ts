import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readLeniently } from './lenient-path.ts'

/** Ways to write one character of a path that some server has read as that character. */
function spellings(character: string): fc.Arbitrary<string> {
  const hex = character.charCodeAt(0).toString(16).padStart(2, '0')
  const once = `%${hex}`
  const all = [
    character,
    character.toUpperCase(),
    once,
    once.toUpperCase(),
    `%25${hex}`,
    `%2525${hex}`,
    `%u00${hex}`,
  ]
  return fc.constantFrom(
    ...all,
    ...(character === '/' ? ['//', '\\', '%5c', '%5C', '/./', ';x=y/', '/x/../'] : []),
  )
}

const disguised = (path: string): fc.Arbitrary<string> =>
  fc.tuple(...path.split('').map(spellings)).map((parts) => parts.join(''))

test('however the token path is disguised, it is recognised', () => {
  fc.assert(
    fc.property(disguised('/metadata/identity/oauth2/token'), (target) => {
      assert.equal(readLeniently(target).credential, 'token')
    }),
    { numRuns: 500 },
  )
})

test('what has none of the words of a credential path reaches none, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (noise) => {
      const folded = decodeURIComponentOr(noise).toLowerCase()
      fc.pre(!folded.includes('token') && !folded.includes('credential') && !folded.includes('getplatform'))
      fc.pre(!noise.includes('%'))
      assert.equal(readLeniently(`/${noise.normalize('NFKC')}`).credential, undefined)
    }),
    { examples: [['__proto__'], ['constructor']] },
  )
})

function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
