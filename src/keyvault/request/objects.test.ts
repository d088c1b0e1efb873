import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stringify } from 'yaml'
import type { WantedObject } from '../wanted-object.ts'
import { readObjectList } from './objects.ts'

const block = (...entries: readonly string[]): string =>
  stringify({ array: entries }, { defaultStringType: 'BLOCK_LITERAL' })

const read = (...entries: readonly string[]): readonly WantedObject[] =>
  readObjectList(block(...entries), 0o644)

const one = (more: string): WantedObject | undefined => read(`objectName: db\nobjectType: secret\n${more}`)[0]

function fails(text: string, message: string | RegExp): void {
  assert.throws(() => readObjectList(text, 0o644), { code: 'objects-invalid', message })
}

const PREFIX = 'failed to get objectType:secret, objectName:db, objectVersion:: '

test('the usual class', () => {
  const text = `
    array:
      - |
        objectName: db
        objectType: secret        # object types: secret, key or cert
        objectVersion: ""
      - |
        objectName: tls
        objectType: cert
        objectAlias: conf/tls.crt
        filePermission: 0400
  `.trim()
  assert.deepEqual(
    readObjectList(text, 0o600).map(({ type, name, path, mode }) => [type, name, path, mode]),
    [
      ['secret', 'db', 'db', 0o600],
      ['cert', 'tls', 'conf/tls.crt', 0o400],
    ],
  )
})

test('scalars are their source text, whatever YAML would make of them', () => {
  assert.equal(one('filePermission: 0755')?.mode, 0o755)
  assert.equal(one('filePermission: "0755"')?.mode, 0o755)
  assert.equal(one('filePermission: 755')?.mode, 0o755)
  assert.equal(one(`objectVersion: ${'01234567'.repeat(4)}`)?.version, '01234567'.repeat(4))
  assert.equal(
    one('objectVersion: 1e10000000000000000000000000000')?.version,
    '1e10000000000000000000000000000',
  )
  assert.equal(one('objectVersion: 0x1F')?.version, '0x1F')
  assert.equal(one('objectVersion: true')?.version, 'true')
  assert.equal(one('objectAlias: 1e5')?.path, '1e5')
  assert.equal(one('objectAlias: 2001-01-01')?.path, '2001-01-01')
  assert.equal(one('objectAlias: !!str 007')?.path, '007')
  assert.equal(one('objectAlias: ".5"')?.path, '.5')
  for (const nothing of ['null', '~', '', 'NULL', '""', "''", '!!null x'.slice(0, 6)])
    assert.equal(one(`objectAlias: ${nothing}`)?.path, 'db')
  for (const text of ['"null"', "'~'", '!!str null', 'nUll']) {
    const path = text.replaceAll(/["']|!!str /g, '')
    assert.equal(one(`objectAlias: ${text}`)?.path, path)
  }
})

test('text is trimmed, unknown keys are ignored, a second document is', () => {
  assert.equal(one('objectAlias: "  x  "\nsomething: [else]\n? [a]\n: b')?.path, 'x')
  assert.equal(one('objectAlias: x\n---\nobjectAlias: y')?.path, 'x')
  assert.equal(readObjectList(`---\n${block('objectName: a\nobjectType: key')}...\n`, 0)[0]?.name, 'a')
})

test('the history is a whole number without quotes', () => {
  for (const [text, history] of [
    ['5', 5],
    ['0', 1],
    ['-3', 1],
    ['+2', 2],
    ['null', 1],
    ['', 1],
  ] as const)
    assert.equal(one(`objectVersionHistory: ${text}`)?.history, history)
  for (const text of ['"5"', "'5'", 'five', '5.5', '0x5', '2147483648', '99999999999', '1_0', '[5]'])
    fails(
      block(`objectName: db\nobjectType: secret\nobjectVersionHistory: ${text}`),
      /^unmarshal failed for keyVaultObjects at index 0, error: objectVersionHistory is /,
    )
})

test('entries may be mappings', () => {
  const text =
    'array:\n  - objectName: db\n    objectType: secret\n    filePermission: 0400\n  - {objectName: k, objectType: key}'
  assert.deepEqual(
    readObjectList(text, 0o644).map(({ name, mode }) => [name, mode]),
    [
      ['db', 0o400],
      ['k', 0o644],
    ],
  )
})

test('what is no list of objects is told', () => {
  fails('', 'objects is not set')
  for (const text of ['array: []', 'array:', 'array: ~', 'other: x', '# nothing', 'null'])
    fails(text, 'objects is empty: its array holds no object')
  fails('array: x', 'failed to yaml unmarshal objects, error: array is a text, not a list')
  fails('array: {a: b}', 'failed to yaml unmarshal objects, error: array is a mapping, not a list')
  fails('- objectName: db', 'failed to yaml unmarshal objects, error: a list, not a mapping such as "array:"')
  fails(
    'array: [',
    /^failed to yaml unmarshal objects, error: line 1: Flow sequence in block collection must be/,
  )
  fails('array: []\narray: []', 'failed to yaml unmarshal objects, error: the key array is there twice')
  fails('array:\n  - [a]', /at index 0, error: a list, not a mapping such as "objectName: a"$/)
  fails(block('just text'), /at index 0, error: a text, not a mapping such as "objectName: a"$/)
  fails(
    block('objectName: a\nobjectType: key', 'a: b: c'),
    /^unmarshal failed for keyVaultObjects at index 1, error: line 1: /,
  )
  fails(block('objectName: [a]'), /at index 0, error: objectName is a list, not a text$/)
  fails(block('objectName: a\nobjectName: b'), /at index 0, error: the key objectName is there twice$/)
})

test('an empty entry lacks its file name', () => {
  for (const entry of ['', 'null', '{}'])
    fails(
      `array:\n  - ${entry}\n`,
      'failed to get objectType:, objectName:, objectVersion:: file name must not be empty (objectName)',
    )
})

test('a rule that breaks names its object', () => {
  fails(
    block('objectName: db\nobjectType: secret\nobjectFormat: x'),
    `${PREFIX}invalid objectFormat: x, should be PEM or PFX`,
  )
  fails(
    block('objectName: db\nobjectType: Secret\nobjectVersion: v1'),
    'failed to get objectType:Secret, objectName:db, objectVersion:v1: Invalid vaultObjectTypes. Should be secret, key, or cert (objectType)',
  )
})

test('a misspelled field is named when it is missed', () => {
  fails(
    block('objectname: db\nobjectType: secret'),
    /file name must not be empty \(objectName\) \(objectname is given: it is written objectName\)$/,
  )
  fails(
    block('objectName: db\ntype: secret\nobjecttype: x'),
    /\(objectType\) \(objecttype is given: it is written objectType\)$/,
  )
})

test('two objects do not share a file, nor a file and a folder', () => {
  const object = (path: string, more = ''): string =>
    `objectName: db\nobjectType: secret\nobjectAlias: ${path}\n${more}`
  const clash = (path: string, other = 0): string =>
    `${PREFIX}its file ${path} collides with that of the object at index ${other}: give one of them another objectAlias`
  fails(block(object('a'), object('a')), clash('a'))
  fails(block(object('x'), object('a/b'), object('a')), clash('a', 1))
  fails(block(object('a'), object('a/b')), clash('a/b'))
  fails(block(object('a', 'objectVersionHistory: 3'), object('a/2')), clash('a/2'))
  fails(block(object('a/1'), object('a', 'objectVersionHistory: 3')), clash('a/1'))
  fails(block(object('a'), object('a', 'objectVersionHistory: 3')), clash('a/0'))
  assert.equal(read(object('a/b'), object('a/c'), object('A/b'), object('ab')).length, 4)
  assert.equal(read(object('a', 'objectVersionHistory: 3'), object('a/3')).length, 2)
})

test('aliases are not followed', () => {
  fails(block('objectName: &a db\nobjectType: *a'), /objectType is an alias \(not supported\), not a text$/)
  fails(
    'x: &x\n  objectName: a\narray:\n  - *x',
    /at index 0, error: an alias \(not supported\), not a mapping/,
  )
  fails(block('<<: {objectName: db}\nobjectType: key'), /merge keys \(<<\) are not supported$/)
  const lol = [
    'a: &a [x, x]',
    ...'bcdefghij'.split('').map((name, index) => {
      const before = 'abcdefghij'[index] ?? ''
      return `${name}: &${name} [${`*${before},`.repeat(10)}]`
    }),
  ].join('\n')
  fails(`${lol}\narray: *j`, /array is an alias/)
})

test('large texts are refused before they take memory', () => {
  const entry = (index: number): string => `  - "{objectName: n${index}, objectType: key}"\n`
  const list = (count: number): string =>
    `array:\n${Array.from({ length: count }, (_, i) => entry(i)).join('')}`
  assert.equal(readObjectList(list(1_000), 0).length, 1_000)
  fails(list(1_001), 'objects holds more than 1000 objects')
  const versions = Array.from(
    { length: 51 },
    (_, i) => `  - {objectName: n${i}, objectType: key, objectVersionHistory: 100}\n`,
  )
  fails(
    `array:\n${versions.join('')}`,
    'failed to get objectType:key, objectName:n50, objectVersion:: with it, objects asks for more than 5000 files',
  )
  fails(`array: "${'x'.repeat(512 * 1024)}"`, /longer than 524288 characters$/)
  fails('['.repeat(500_000), /it has too many parts$/)
  fails(`array:\n${'  - a\n'.repeat(60_000)}`, /it has too many parts$/)
  fails('['.repeat(10_000), /^failed to yaml unmarshal objects, error: line 1: /)
  // Each entry is small enough, together they are not.
  const packed = `array:\n${Array.from({ length: 200 }, () => `  - "objectName: [${'a,'.repeat(400)}]"\n`).join('')}`
  fails(packed, /^unmarshal failed for keyVaultObjects at index 0, error: objectName is a list/)
  const unknown = Array.from(
    { length: 200 },
    (_, i) => `  - "{objectName: n${i}, objectType: key, x: [${'a,'.repeat(400)}]}"\n`,
  )
  fails(
    `array:\n${unknown.join('')}`,
    /^unmarshal failed for keyVaultObjects at index \d+, error: it has too many parts$/,
  )
})
