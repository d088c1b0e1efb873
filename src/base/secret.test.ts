import assert from 'node:assert/strict'
import { test } from 'node:test'
import { format, inspect } from 'node:util'
import { SecretString } from './secret.ts'

test('a secret shows itself only to reveal', () => {
  const secret = new SecretString('hunter2')
  assert.equal(secret.reveal(), 'hunter2')
  const shown = [
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true }),
    format('%s %o', secret, secret),
  ]
  for (const text of shown) assert.doesNotMatch(text, /hunter2/)
})
