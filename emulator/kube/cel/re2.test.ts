import assert from 'node:assert/strict'
import { test } from 'node:test'
import { re2 } from './re2.ts'

/** What Go's regexp says to the same. */
const MATCHES: readonly (readonly [pattern: string, text: string, does: boolean])[] = [
  ['^a.c$', 'a\rc', true],
  ['^a.c$', 'a\nc', false],
  ['(?s)^a.c$', 'a\nc', true],
  ['(?i)^(abc|d)$', 'aBC', true],
  ['(?i)^[a-z]+$', '\u212A', true],
  ['^\\s$', '\u00A0', false],
  ['^\\S$', '\u00A0', true],
  ['^[^/\\s]+$', 'a\u2003b', true],
  ['^[^/\\s]+$', 'a b', false],
  ['^\\s$', '\v', false],
  ['^[a\\-z]+$', 'b', false],
  ['^\\w+$', 'ſ', false],
  ['^a\\-b\\_c$', 'a-b_c', true],
  ['^.$', '😀', true],
  ['^\\p{L}{2}$', 'éß', true],
  ['^(?:a|b){2,3}$', 'abb', true],
  ['a$', 'a\n', false],
]

test('a pattern of RE2 matches what it matches in Go', () => {
  for (const [pattern, text, does] of MATCHES)
    assert.equal(re2(pattern)?.test(text), does, `${pattern} ${JSON.stringify(text)}`)
})

test('what only one of the two engines knows, or each knows otherwise, is not read', () => {
  const foreign = [
    '[[:alpha:]]',
    '\\Aa\\z',
    '\\Qa.b\\E',
    '(?P<name>a)',
    '(?m)^a$',
    'a(?i)b',
    '(?=a)',
    '(a)\\1',
    '\\x{41}',
    '\\pL',
    '[]a]',
    '[^]',
    '(?i)\\w',
    '[\\s-z]',
    '\\p{Greek}',
    'a{',
  ]
  for (const pattern of foreign) assert.equal(re2(pattern), undefined, pattern)
})
