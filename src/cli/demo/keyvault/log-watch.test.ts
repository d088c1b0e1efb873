import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogWatch } from './log-watch.ts'

const KEY = `-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDK1b7fexample0
AbCd
-----END PRIVATE KEY-----
`

test('a secret, a line of a private key and a token are each found once, and told without the line', () => {
  const watch = createLogWatch()
  watch.forbid('the password', 'correct horse battery')
  watch.forbid('the private key', KEY)
  watch.hear('nmi', 'level=info msg="a token was given" sha256=0123')
  assert.deepEqual(watch.finds, [])
  for (let time = 0; time < 2; time += 1) {
    watch.hear('keyvault-provider', 'value=correct horse battery')
    watch.hear('keyvault-provider', `{"pem":"${KEY.replaceAll('\n', String.raw`\n`)}"}`)
    watch.hear('nmi', 'authorization: Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln')
  }
  assert.deepEqual(watch.finds, [
    'keyvault-provider: the password',
    'keyvault-provider: the private key',
    'nmi: a token',
  ])
  assert.equal(watch.lines, 7)
})

test('the ruled lines and short ends of a PEM text are in every log of a certificate, and no find', () => {
  const watch = createLogWatch()
  watch.forbid('the private key', KEY)
  watch.hear('nmi', '-----BEGIN PRIVATE KEY----- is missing; AbCd')
  assert.deepEqual(watch.finds, [])
})
