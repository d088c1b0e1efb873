/** What a vault, or something between here and it, may answer: each with a clear text, and the files that are there stay. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FaultRule } from '../../emulator/azure/faults/fault-rule.ts'
import { DB_VALUE, type KeyVaultWorld, startKeyVault } from '../harness/keyvault-world.ts'

const TOLD = 'rpc error: code = Unknown desc = failed to mount objects, error: '
const WAIT = 'Wait; when it stays, check name, DNS, private endpoint and egress from the node to the vault'

function answerOf(effect: FaultRule['effect'], world: KeyVaultWorld): void {
  world.login.azure.faults.clear()
  world.login.azure.faults.add({ service: 'vault', effect })
}

/** A volume that is filled and old enough to be looked after again. */
async function filled(world: KeyVaultWorld) {
  const fields = { parameters: await world.workload('shop') }
  await world.mount(fields)
  world.clock.skip(26_000)
  return fields
}

const json = { 'content-type': 'application/json; charset=utf-8' }
const huge = { value: 'x'.repeat(2 * 1024 * 1024), id: 'https://shop-vault.vault.localhost/secrets/db/1' }
const cut = `{"value":"${DB_VALUE}","id":"https://shop-vault.vault.localh`

const SPOILT: Readonly<Record<string, readonly [FaultRule['effect'], RegExp]>> = {
  'a page of a gateway': [
    { kind: 'garbage', what: 'html' },
    /answered 502 with text\/html that is no error of Key Vault/,
  ],
  'a page as an answer': [
    { kind: 'garbage', what: 'html', status: 200 },
    /answered 200 with text\/html instead of JSON/,
  ],
  bytes: [
    { kind: 'garbage', what: 'bytes' },
    /answered 200 with something that is not the secret that was asked for/,
  ],
  'an empty body': [{ kind: 'garbage', what: 'empty' }, /answered 200 with something that is not the secret/],
  'half of the answer': [
    { kind: 'error', status: 200, body: cut, headers: json },
    /answered 200 with something that is not the secret/,
  ],
  'a connection that ends': [{ kind: 'reset', when: 'mid-body' }, /did not answer/],
  'an answer that is too large': [
    { kind: 'error', status: 200, body: huge },
    /the answer of shop-vault\.vault\.localhost:\d+ is larger than 1048576 bytes/,
  ],
  'the secret as text': [
    { kind: 'error', status: 200, body: DB_VALUE },
    /answered 200 with text\/plain instead of JSON/,
  ],
  'a way to another host': [
    { kind: 'error', status: 302, body: '', headers: { location: 'https://evil.example/' } },
    /answered 302 with an empty body that is no error of Key Vault/,
  ],
  'a refusal of a proxy': [
    { kind: 'error', status: 403, body: '<html>blocked</html>' },
    /answered 403 with text\/plain that is no error of Key Vault/,
  ],
}

/** Answers of a vault that is up, about an object that cannot be used. */
const UNREADABLE: Readonly<Record<string, FaultRule['effect']>> = {
  'other JSON': { kind: 'garbage', what: 'wrong-json' },
  'no value': {
    kind: 'error',
    status: 200,
    body: { id: 'https://shop-vault.vault.localhost/secrets/db/00000000000000000000000000000001' },
  },
  'another object': {
    kind: 'error',
    status: 200,
    body: {
      value: 'v',
      id: 'https://shop-vault.vault.localhost/secrets/other/00000000000000000000000000000001',
    },
  },
}

test('whatever is answered in place of the secret, the text says what it was, and the files stay', async (context) => {
  await using world = await startKeyVault()
  const fields = await filled(world)
  for (const [name, [effect, words]] of Object.entries(SPOILT)) {
    await context.test(name, async () => {
      answerOf(effect, world)
      const text = await world.refused(fields)
      assert.ok(
        text.startsWith(`${TOLD}vault shop-vault cannot be read: shop-vault.vault.localhost:`) ||
          text.startsWith(`${TOLD}vault shop-vault cannot be read: the answer of `),
        text,
      )
      assert.match(text, words)
      assert.ok(text.endsWith(WAIT), text)
      assert.equal(await world.refused(fields), text)
      assert.equal(world.file('db'), DB_VALUE)
    })
  }
  world.login.azure.faults.clear()
  assert.equal((await world.mount(fields)).written, false)
})

test('JSON without the secret is told as a failure of that object, and an old value does not stand in for it', async (context) => {
  await using world = await startKeyVault()
  const filledFields = await filled(world)
  const fields = { parameters: { ...filledFields.parameters, lastKnownGoodMaxAge: '4h' } }
  await world.mount(fields)
  world.clock.skip(26_000)
  for (const [name, effect] of Object.entries(UNREADABLE)) {
    await context.test(name, async () => {
      answerOf(effect, world)
      const text = await world.refused(fields)
      assert.match(
        text,
        /error: failed to get objectType:secret, objectName:db, objectVersion:: vault shop-vault: shop-vault\.vault\.localhost:\d+ answered 200 with something that is not the secret that was asked for\. Mend objectFormat/,
      )
      assert.equal(world.file('db'), DB_VALUE)
    })
  }
})

test('a vault that says nothing, or a byte now and then, is given up after ten seconds', async () => {
  await using world = await startKeyVault()
  const fields = await filled(world)
  for (const effect of [{ kind: 'hang' }, { kind: 'slow-body', chunkBytes: 1, everyMs: 3_000 }] as const) {
    answerOf(effect, world)
    world.forget()
    const refused = world.refused(fields)
    while (world.asked() === 0) await new Promise((done) => setImmediate(done))
    world.clock.skip(10_000)
    const text = await refused
    assert.match(
      text,
      /vault shop-vault cannot be read: shop-vault\.vault\.localhost:\d+ did not answer: the answer of shop-vault\.vault\.localhost:\d+ took longer than 10000 ms\. Wait/,
    )
    assert.equal(world.file('db'), DB_VALUE)
  }
})

test('a vault that holds all mounts is told as the step that took the time when kubelet gives up', async () => {
  await using world = await startKeyVault({ retries: 100 })
  const fields = await filled(world)
  answerOf({ kind: 'hang' }, world)
  world.forget()
  const refused = world.refused(fields)
  while (world.asked() === 0) await new Promise((done) => setImmediate(done))
  world.clock.skip(117_000)
  assert.equal(
    await refused,
    `${TOLD}the time of the mount ran out while vault shop-vault is read. Wait; when it stays, check the connection to what the message names`,
  )
})

test('one spoilt object of three fails the mount as a whole, and both others stay as they were', async () => {
  await using world = await startKeyVault()
  const fields = { ...(await filled(world)), objects: ['db', 'api', 'third'] }
  world.rotate('third', 'the-third-value')
  await world.mount(fields)
  world.rotate('db', 'the-second-password')
  world.clock.skip(26_000)
  world.login.azure.faults.add({
    service: 'vault',
    target: '/secrets/api/',
    effect: { kind: 'error', status: 400, body: { error: { code: 'BadParameter', message: 'no' } } },
  })
  assert.match(
    await world.refused(fields),
    /error: failed to get objectType:secret, objectName:api, objectVersion:: vault shop-vault: BadParameter: no \(BadParameter\)\. Mend objectFormat/,
  )
  assert.equal(world.file('db'), DB_VALUE)
})

test('files that are together larger than the driver takes are told with what it takes', async () => {
  await using world = await startKeyVault()
  const names = Array.from({ length: 5 }, (_, index) => `big-${index}`)
  for (const name of names) world.rotate(name, `${name}-`.repeat(150_000))
  assert.match(
    await world.refused({ parameters: await world.workload('shop'), objects: names }),
    /error: the files of the volume are together larger than the 4194304 bytes that the CSI driver takes at once, reached with big-4\. Split the objects/,
  )
})

test('a vault that sends the token back, or a value, is told without them', async () => {
  await using world = await startKeyVault()
  const fields = await filled(world)
  const tokens = [...world.login.secrets].filter((each) => each.includes('.'))
  assert.ok(tokens.length >= 2)
  for (const status of [400, 403, 404, 500]) {
    for (const secret of tokens) {
      answerOf(
        {
          kind: 'error',
          status,
          body: { error: { code: 'Bad', message: `AKV1: Bearer ${secret} is wrong` } },
        },
        world,
      )
      const text = await world.refused(fields)
      assert.match(text, /vault shop-vault/)
    }
  }
})
