/** The judge of the wire form is the unmodified SDK: @azure/identity in a process of its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenError } from '../../src/tokens/token-source.ts'
import { tokenTextOf } from '../fakes/fake-broker.ts'
import { bindShop, put, startNmi } from '../harness/nmi-world.ts'
import { askWithSdk, type SdkAnswer } from '../harness/sdk-client.ts'
import { clientIdOf, identityId, makeAssigned, makeBinding, makeIdentity, makePod } from '../make/objects.ts'

const SCOPE = 'https://vault.azure.net/.default'

function tokenOf(answer: SdkAnswer | undefined): string {
  assert.ok(answer !== undefined && 'token' in answer, JSON.stringify(answer))
  return answer.token
}

function errorOf(answer: SdkAnswer | undefined): string {
  assert.ok(answer !== undefined && 'error' in answer, JSON.stringify(answer))
  return answer.error
}

test('the SDK gets a token by managed identity and by default credential, and finds it in its cache again', async () => {
  await using world = await startNmi()
  bindShop(world)
  const answers = await askWithSdk(world.url, [
    { credential: 'managed-identity', scope: SCOPE },
    { credential: 'managed-identity', scope: SCOPE },
    { credential: 'default', scope: SCOPE },
    { credential: 'managed-identity', scope: 'https://management.azure.com//.default' },
  ])
  for (const answer of answers) assert.equal(tokenOf(answer), tokenTextOf(makeIdentity()))
  const [first] = answers
  // msal-node takes the time left when the answer is in and adds it to when it asked, in whole seconds: so it is
  // early by as long as the answer took, and never late.
  assert.ok(first !== undefined && 'token' in first)
  const early = 4_102_444_800_000 - first.expiresOnTimestamp
  assert.ok(early >= 0 && early <= 60_000, `${String(early)} ms early`)
  // One request for each resource: the resource is echoed exactly, so the SDK's own cache works.
  const count = /nmi_operations_duration_seconds_count\{[^}]*status_code="200"[^}]*vault[^}]*\} (\d+)/
  assert.equal(count.exec(await world.registry.metrics())?.[1], '1')
})

test('the SDK chooses among several identities by client id, resource id and object id', async () => {
  await using world = await startNmi()
  bindShop(world)
  const second = makeIdentity({ name: 'second' })
  put(world.identities, second)
  put(world.bindings, makeBinding({ name: 'second', azureIdentity: 'second' }))
  put(world.assigned, makeAssigned({ identity: second }))
  world.broker.objectIds.set(clientIdOf('second'), 'd0d0d0d0-0000-4000-8000-000000000000')
  const answers = await askWithSdk(world.url, [
    { credential: 'managed-identity', scope: SCOPE, clientId: clientIdOf('second').toUpperCase() },
    { credential: 'managed-identity', scope: SCOPE, resourceId: identityId('second') },
    { credential: 'managed-identity', scope: SCOPE, objectId: 'd0d0d0d0-0000-4000-8000-000000000000' },
    { credential: 'default', scope: SCOPE, clientId: clientIdOf('second') },
    { credential: 'managed-identity', scope: SCOPE, clientId: clientIdOf('shop') },
  ])
  assert.deepEqual(answers.map(tokenOf), [
    ...Array.from({ length: 4 }, () => tokenTextOf(second)),
    tokenTextOf(makeIdentity()),
  ])
})

test('what the SDK prints names the broken link, the near match, the remedy and the request id', async () => {
  await using world = await startNmi()
  put(world.pods, makePod({ name: 'shop', selector: 'shp', addresses: ['127.0.0.1'] }))
  put(world.bindings, makeBinding())
  const [own, chain] = await askWithSdk(world.url, [
    { credential: 'managed-identity', scope: SCOPE },
    { credential: 'default', scope: SCOPE },
  ])
  for (const text of [errorOf(own), errorOf(chain)]) {
    assert.match(
      text,
      /pod default\/shop has label aadpodidbinding=shp; bindings here select: shop\. Did you mean shop\?/,
    )
    assert.match(text, /Make the label and the selector of a binding equal/)
    assert.match(text, /no-binding/)
    assert.match(text, /Correlation ID: [0-9a-f]{8}-\d+/)
  }
})

test('the first call of the SDK succeeds when the assignment and IMDS are late', async () => {
  await using world = await startNmi()
  const { identity } = bindShop(world)
  put(world.assigned, makeAssigned({ identity, state: 'Created' }))
  world.broker.cached = false
  let unknown = 1
  world.broker.fail = () => {
    unknown -= 1
    return unknown >= 0 ? new TokenError('identity-unknown-to-imds', 'Identity not found') : undefined
  }
  const asking = askWithSdk(world.url, [{ credential: 'managed-identity', scope: SCOPE }])
  await world.waiting(1)
  put(world.assigned, makeAssigned({ identity }))
  assert.equal(tokenOf((await asking)[0]), tokenTextOf(identity))
})

test('the SDK comes back by itself after a hold that ended, and gets its token then', async () => {
  await using world = await startNmi()
  const { identity } = bindShop(world)
  world.broker.cached = false
  let refused = 1
  world.broker.fail = () => {
    refused -= 1
    return refused >= 0
      ? new TokenError('upstream-throttled', 'IMDS is limiting', { retryAfterSeconds: 1 })
      : undefined
  }
  const [answer] = await askWithSdk(world.url, [{ credential: 'managed-identity', scope: SCOPE }])
  assert.equal(tokenOf(answer), tokenTextOf(identity))
  assert.equal(world.broker.requests.length, 2)
})

test('a permanent refusal fails the SDK at once: one request, no retry', async () => {
  await using world = await startNmi()
  bindShop(world)
  world.broker.fail = () => new TokenError('token-denied', 'AADSTS500011: the resource is not known')
  const [answer] = await askWithSdk(world.url, [{ credential: 'managed-identity', scope: SCOPE }])
  assert.match(errorOf(answer), /AADSTS500011: the resource is not known/)
  assert.equal(world.broker.requests.length, 1)
})
