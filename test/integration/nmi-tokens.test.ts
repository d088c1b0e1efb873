import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tokenTextOf } from '../fakes/fake-broker.ts'
import { ask } from '../harness/http.ts'
import { bindShop, startNmi } from '../harness/nmi-world.ts'
import { clientIdOf } from '../make/objects.ts'

const VAULT = '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net'

test('a bound pod gets the token in the form of IMDS, all values strings', async () => {
  await using world = await startNmi()
  const { identity } = bindShop(world)
  const answer = await ask(world.url, VAULT)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  const { expires_in: expiresIn, ext_expires_in: extended, ...rest } = answer.json()
  assert.match(String(expiresIn), /^\d+$/)
  assert.equal(typeof expiresIn, 'string')
  assert.equal(extended, expiresIn)
  assert.deepEqual(rest, {
    access_token: tokenTextOf(identity),
    client_id: clientIdOf('shop'),
    refresh_token: '',
    expires_on: '4102444800',
    not_before: '1',
    resource: 'https://vault.azure.net',
    token_type: 'Bearer',
  })
})
