import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileCel } from './cel.ts'
import { CelError, UnreadableCel } from './cel-errors.ts'

const self = { n: 5, s: 'a b', list: ['x', 'y'], inner: { deep: { flag: true } }, none: null, empty: '' }

function valueOf(source: string): unknown {
  return compileCel(source).evaluate({ self, oldSelf: { n: 4 } })
}

const VALUES: readonly (readonly [source: string, value: unknown])[] = [
  ['self.n', 5],
  ['self["s"]', 'a b'],
  ['self.list[1]', 'y'],
  ['self.inner.deep.flag', true],
  ['oldSelf.n < self.n', true],
  ['self.n == 5.0 && -1 < 0', true],
  ['self.n in [1, 5] // what follows is no more than a remark', true],
  [`'x' in self.list && 's' in self && !('z' in self)`, true],
  ['self.list == ["x", r"y"]', true],
  [`'b' > 'a' && "B" <= "a" && 'b' >= 'b'`, true],
  ['self.n != 5 || self.n < 0 ? "odd" : "even"', 'even'],
  ['has(self.n) && !has(self.none) && !has(self.zero) && has(self.inner.deep.flag)', true],
  ['size(self.s) == 3 && self.list.size() == 2 && size(self.inner) == 1', true],
  [`self.s.startsWith('a') && self.s.endsWith("b") && self.s.contains(' ')`, true],
  [`self.s.matches('^\\\\w\\\\s[b-d]$') && self.s.matches(r'^\\w\\s') && !self.s.matches('^b')`, true],
  [`'\\x41\\u0042\\'\\n' == "AB'\\n"`, true],
  [`r'\\' == "\\\\" && R"'\\" == '\\'\\\\'`, true],
  ['[true, false, null]', [true, false, null]],
  ['(self.n == 5) == true', true],
]

test('expressions have the value that CEL gives them', () => {
  for (const [source, value] of VALUES) assert.deepEqual(valueOf(source), value, source)
})

test('an operand that decides is enough, though the other has no value', () => {
  for (const source of [
    'self.n == 5 || self.zero',
    'self.zero || self.n == 5',
    '!(self.zero && self.n == 4)',
  ])
    assert.equal(valueOf(source), true, source)
  for (const source of ['self.n == 4 || self.zero', 'self.zero && self.n == 5', 'self.zero ? 1 : 2'])
    assert.throws(() => valueOf(source), new CelError('no such key: zero'), source)
})

test('what has no value says so in the words of cel-go', () => {
  const texts: readonly (readonly [source: string, text: string])[] = [
    ['self.none', 'no such key: none'],
    ['self.list[7]', 'index out of bounds: 7'],
    ['self.n < self.s', 'no such overload'],
    ['self.n.matches("x")', 'no such overload'],
    ['self.n.x', 'no such overload'],
    ['!self.n', 'no such overload'],
    ['size(self.n)', 'no such overload'],
  ]
  for (const [source, text] of texts) assert.throws(() => valueOf(source), new CelError(text), source)
})

test('more than this part of CEL is not read, rather than read wrongly', () => {
  const beyond = [
    'self.list.all(x, x != "")',
    'self.n + 1 > 2',
    '-self.n < 0',
    'self.n > 1u',
    'self.n == 0x10',
    'self.s.matches(self.s)',
    "self.s.matches('[[:alpha:]]')",
    'duration(self.s) > duration("1s")',
    '{"a": 1}',
    "'''three'''",
    'other.n',
    'self.__namespace__',
    'self.?n',
    'self.s.split(" ")',
    "'\\q'",
    'self.n ==',
    'self.n 5',
    '',
    `${'('.repeat(5_000)}self`,
  ]
  for (const source of beyond) assert.throws(() => compileCel(source), UnreadableCel, source)
})

test('a program knows whether it asks for what was there before', () => {
  assert.deepEqual(
    ['self == oldSelf', "self != 'oldSelf'"].map((source) => compileCel(source).usesOldSelf),
    [true, false],
  )
})
