import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WantedObject } from '../wanted-object.ts'
import { filePathProblem } from './file-path.ts'
import { type ObjectFields, wantedObject } from './object-rules.ts'

const FIELDS: ObjectFields = {
  objectName: 'db',
  objectType: 'secret',
  objectAlias: '',
  objectVersion: '',
  objectVersionHistory: 0,
  objectFormat: '',
  objectEncoding: '',
  filePermission: '',
  optional: '',
}

const rule = (fields: Partial<ObjectFields>): WantedObject => wantedObject({ ...FIELDS, ...fields }, 0o644)

function fails(fields: Partial<ObjectFields>, message: string | RegExp): void {
  assert.throws(() => rule(fields), { name: 'ObjectRuleError', message })
}

test('an object has its defaults', () => {
  assert.deepEqual(rule({}), {
    type: 'secret',
    name: 'db',
    path: 'db',
    version: '',
    history: 1,
    format: 'pem',
    encoding: 'utf-8',
    mode: 0o644,
    optional: false,
  })
})

test('the format: none, any case, wrong, and pfx for secrets alone', () => {
  assert.equal(rule({ objectFormat: 'PFX' }).format, 'pfx')
  assert.equal(rule({ objectFormat: 'Pem', objectType: 'key' }).format, 'pem')
  fails({ objectFormat: 'pkcs' }, 'invalid objectFormat: pkcs, should be PEM or PFX')
  for (const objectFormat of ['pfx', 'PFX'])
    for (const objectType of ['key', 'cert'])
      fails({ objectFormat, objectType }, 'PFX format only supported for objectType: secret')
})

test('the encoding: none, any case, wrong, and for secrets alone', () => {
  assert.equal(rule({ objectEncoding: 'BASE64' }).encoding, 'base64')
  assert.equal(rule({ objectEncoding: 'Hex' }).encoding, 'hex')
  assert.equal(rule({ objectEncoding: 'utf-8' }).encoding, 'utf-8')
  fails({ objectEncoding: 'utf-16' }, 'invalid objectEncoding: utf-16, should be hex, base64 or utf-8')
  for (const objectEncoding of ['base64', 'utf-8', 'x'])
    fails({ objectEncoding, objectType: 'cert' }, 'objectEncoding only supported for objectType: secret')
})

test('the type is one of three, exactly', () => {
  for (const objectType of ['secret', 'key', 'cert']) assert.equal(rule({ objectType }).type, objectType)
  for (const objectType of ['', 'Secret', 'certificate', 'secrets'])
    fails({ objectType }, 'Invalid vaultObjectTypes. Should be secret, key, or cert (objectType)')
})

test('names and versions cannot lead elsewhere', () => {
  for (const objectName of ['a/b', 'a?b', 'a%2fb', 'a b', 'ä', 'a.b', 'a'.repeat(128)])
    fails({ objectName, objectAlias: 'x' }, 'objectName must match [0-9a-zA-Z-]{1,127}')
  fails({ objectName: '', objectAlias: 'x' }, 'objectName is not provided')
  for (const objectVersion of ['a/b', '../x', 'a?b', '-', 'a'.repeat(65)])
    fails({ objectVersion }, 'objectVersion must be empty, latest or match [0-9a-zA-Z]{1,64}')
  assert.equal(rule({ objectVersion: 'latest' }).version, '')
  assert.equal(rule({ objectVersion: 'Latest', objectVersionHistory: 3 }).version, '')
  assert.equal(rule({ objectVersion: '0'.repeat(32) }).version, '0'.repeat(32))
})

test('the history is 1 to 100', () => {
  const histories = [-5, 0, 1, 4, 100].map((objectVersionHistory) => rule({ objectVersionHistory }).history)
  assert.deepEqual(histories, [1, 1, 1, 4, 100])
  fails({ objectVersionHistory: 101 }, 'objectVersionHistory must not be more than 100')
})

test('the permission is octal and no more than 0777', () => {
  const modes = ['0600', '755', '0', '00777', '7', ''].map((filePermission) => rule({ filePermission }).mode)
  assert.deepEqual(modes, [0o600, 0o755, 0, 0o777, 7, 0o644])
  for (const filePermission of ['0900', '900', '01777', '1000', '0o755', '-1', 'rw', '7.5', '+7'])
    fails({ filePermission }, /^file permission must be a valid octal number: filePermission ".*" is not one/)
})

test('optional is a boolean of Go', () => {
  assert.equal(rule({ optional: 'T' }).optional, true)
  fails(
    { optional: 'yes' },
    'failed to parse optional flag, error: strconv.ParseBool: parsing "yes": invalid syntax',
  )
})

test('the file is the alias, else the name, and a path that the driver writes', () => {
  assert.equal(rule({ objectAlias: 'conf/db.txt' }).path, 'conf/db.txt')
  assert.equal(rule({ objectAlias: ' b'.trim() }).path, 'b')
  fails({ objectName: '' }, 'file name must not be empty (objectName)')
  fails({ objectAlias: '/a' }, 'file name must be a relative path (objectAlias)')
  fails({ objectAlias: 'a/../b' }, "file name must not contain '..' (objectAlias)")
  fails({ objectAlias: 'a..b' }, "file name must not contain '..' (objectAlias)")
  fails({ objectName: '../b' }, "file name must not contain '..' (objectName)")
  for (const objectAlias of ['a//b', './a', 'a/', 'a/.', '.', 'a/./b'])
    fails({ objectAlias }, /^file name must be a clean path, .* \(objectAlias\)$/)
  assert.equal(filePathProblem('a'.repeat(255)), undefined)
  assert.match(filePathProblem('ä'.repeat(128)) ?? '', /elements of less than or equal to 255/)
  assert.equal(filePathProblem(`${'a/'.repeat(2_047)}ab`), undefined)
  assert.match(filePathProblem(`${'a/'.repeat(2_047)}abc`) ?? '', /less than or equal to 4096/)
  assert.match(filePathProblem('a\0') ?? '', /without NUL/)
  assert.match(filePathProblem('a\ud800') ?? '', /without NUL/)
  // Only with the number of its last version too long.
  const long = `${'a/'.repeat(2_046)}ab`
  assert.equal(rule({ objectAlias: long, objectVersionHistory: 10 }).history, 10)
  fails(
    { objectAlias: long, objectVersionHistory: 11 },
    /less than or equal to 4096 characters \(objectAlias\)$/,
  )
})
