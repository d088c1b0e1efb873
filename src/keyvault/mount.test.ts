import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { wantedSecret } from '../../test/make/vault-objects.ts'
import { VaultError } from '../azure/vault-error.ts'
import type { VaultObject, VaultVersion } from '../azure/vault-objects.ts'
import { DeadlineError } from '../base/deadline.ts'
import { SecretString } from '../base/secret.ts'
import { createLog } from '../telemetry/log.ts'
import type { VaultLogin, VaultToken } from './identity/vault-login.ts'
import { createMounter } from './mount.ts'
import { MountFailure } from './mount-failure.ts'
import type { MountOrder } from './mount-order.ts'
import { MountedVolumes } from './mounted-volumes.ts'
import { createPfxOpenings } from './render/pfx-openings.ts'
import type { ReadContext, Wanted } from './vault/vault-reader.ts'
import type { WantedObject } from './wanted-object.ts'

const VALUE = 'the value that nobody may log'
const TOKEN = 'the token that nobody may log'

function wanted(name: string, more: Partial<WantedObject> = {}): WantedObject {
  return { ...wantedSecret(name), mode: 0o640, ...more }
}

function secret(version: string, text = VALUE): VaultObject {
  return { shelf: 'secrets', version, value: new SecretString(text) }
}

/** A vault and an identity as the mounter sees them; every answer is a function that a test may replace. */
function createWorld(objects: readonly WantedObject[]) {
  const lines: string[] = []
  const asked: { readonly context: ReadContext; readonly wanted: Wanted }[] = []
  const login: VaultLogin = {
    kind: 'pod-identity',
    resource: 'https://vault.azure.net',
    pod: { namespace: 'shop', name: 'web' },
  }
  const order: MountOrder = {
    pod: { namespace: 'shop', name: 'web', serviceAccount: 'default' },
    vault: { name: 'shop', origin: 'https://shop.vault.azure.net' },
    login,
    objects,
    lastKnownGoodMs: 0,
    targetPath: '/pods/1/mount',
  }
  const tokenOf = (text: string, reader = 'shop-reader'): VaultToken => ({
    value: new SecretString(text),
    reader,
    who: 'client id 5a0b',
    objectId: 'o',
  })
  const world = {
    lines,
    asked,
    read: () => Promise.resolve(order),
    refused: 0,
    leftOut: 0,
    tokens: [tokenOf(TOKEN)],
    tokenOf,
    object: (ask: Wanted, _signal: AbortSignal): Promise<VaultObject> =>
      Promise.resolve(secret(`v-${ask.name}-${ask.version}`)),
    versions: (): readonly VaultVersion[] => [],
    staleSince: undefined as number | undefined,
    mount: (signal = new AbortController().signal) =>
      mounter({ attributes: '', secrets: '', permission: '', targetPath: '/pods/1/mount' }, signal),
  }
  const stale = () => (world.staleSince === undefined ? {} : { staleSince: world.staleSince })
  const clock = new FakeClock()
  const mounter = createMounter({
    readOrder: () => world.read(),
    tokens: {
      token: () =>
        Promise.resolve(world.tokens[Math.min(world.refused, world.tokens.length - 1)] ?? tokenOf('none')),
      refused: () => {
        world.refused += 1
      },
    },
    reader: {
      async object(context, ask, signal) {
        asked.push({ context, wanted: ask })
        return { value: await world.object(ask, signal), ...stale() }
      },
      versions: () => Promise.resolve({ value: world.versions(), ...stale() }),
    },
    settings: { constructPemChain: true, separateFiles: false },
    pfx: createPfxOpenings(true),
    maxAnswerBytes: 4_194_304,
    volumes: new MountedVolumes(10),
    leftOut: () => {
      world.leftOut += 1
    },
    log: createLog({ verbosity: 5, format: 'json', component: 'test', write: (line) => lines.push(line) }),
    clock,
  })
  return world
}

function failing(code: string, pattern: RegExp) {
  return (thrown: unknown): boolean => {
    assert.ok(thrown instanceof MountFailure, String(thrown))
    assert.equal(thrown.code, code)
    assert.match(thrown.message, pattern)
    return true
  }
}

test('a volume has a file for each object, with its path, mode, content and version', async () => {
  const world = createWorld([wanted('a'), wanted('b', { path: 'dir/b.txt', version: 'f00', mode: 0o400 })])
  const result = await world.mount()
  assert.deepEqual(
    result.files.map(({ path, mode, contents }) => [path, mode, String(contents)]),
    [
      ['a', 0o640, VALUE],
      ['dir/b.txt', 0o400, VALUE],
    ],
  )
  assert.deepEqual(result.objectVersions, [
    { id: 'secret/a', version: 'v-a-' },
    { id: 'secret/b', version: 'v-b-f00' },
  ])
})

test('several versions are files below the name, newest first, and as many as asked for', async () => {
  const world = createWorld([wanted('a', { history: 2 })])
  world.versions = () =>
    ['1', '2', '3'].map((version) => ({ version, enabled: true, created: Number(version) }))
  const result = await world.mount()
  assert.deepEqual(
    result.files.map(({ path }) => path),
    ['a/0', 'a/1'],
  )
  assert.deepEqual(result.objectVersions, [
    { id: 'secret/a/0', version: 'v-a-3' },
    { id: 'secret/a/1', version: 'v-a-2' },
  ])
})

test('a version to start with that the vault does not have is a failure, not an empty folder', async () => {
  const world = createWorld([wanted('a', { history: 2, version: 'gone' })])
  world.versions = () => [{ version: '1', enabled: true, created: 1 }]
  await assert.rejects(world.mount(), failing('object-not-found', /no version gone of secret a/))
})

test('a version to start with that is older than what is kept of a long list is told so, optional or not', async () => {
  const world = createWorld([wanted('a', { history: 2, version: 'old', optional: true })])
  world.versions = () =>
    Array.from({ length: 1_000 }, (_, index) => ({ version: `v${index}`, enabled: true, created: index }))
  await assert.rejects(
    world.mount(),
    failing('object-unusable', /version old is not among its newest 1000 enabled ones/),
  )
})

test('the first mount of a volume asks anew, later ones of the same reader may share, another reader asks anew', async () => {
  const world = createWorld([wanted('a')])
  await world.mount()
  await world.mount()
  world.tokens = [world.tokenOf(TOKEN, 'other-reader')]
  await world.mount()
  assert.deepEqual(
    world.asked.map(({ context }) => `${context.reader} ${context.freshness}`),
    ['shop-reader now', 'shop-reader poll', 'other-reader now'],
  )
})

test('a mount that failed does not count as filled', async () => {
  const world = createWorld([wanted('a')])
  world.object = () => Promise.reject(new VaultError('not-found', 'gone'))
  await assert.rejects(world.mount(), failing('object-not-found', /vault shop has no secret a/))
  await assert.rejects(world.mount(), failing('object-not-found', /./))
  assert.deepEqual(
    world.asked.map(({ context }) => context.freshness),
    ['now', 'now'],
  )
})

test('an optional object that is missing or disabled is left out and shown as missing; one that may not be read fails', async () => {
  const world = createWorld([wanted('a'), wanted('b', { optional: true })])
  for (const kind of ['not-found', 'disabled'] as const) {
    world.object = (ask) =>
      ask.name === 'b' ? Promise.reject(new VaultError(kind, 'no')) : Promise.resolve(secret('1'))
    const result = await world.mount()
    assert.deepEqual(
      result.files.map(({ path }) => path),
      ['a'],
    )
    assert.deepEqual(result.objectVersions.at(-1), { id: 'secret/b', version: 'missing' })
  }
  assert.equal(world.leftOut, 2)
  world.object = () => Promise.reject(new VaultError('forbidden', 'no', { vaultCode: 'ForbiddenByRbac' }))
  await assert.rejects(world.mount(), failing('vault-forbidden', /ForbiddenByRbac/))
})

test('when the last of the optional objects goes, the log says once that the driver leaves its file', async () => {
  const world = createWorld([wanted('a', { optional: true })])
  const told = () => world.lines.filter((line) => line.includes('leaves the files of before')).length
  await world.mount()
  assert.equal(told(), 0)
  world.object = () => Promise.reject(new VaultError('not-found', 'gone'))
  for (let repeat = 0; repeat < 2; repeat += 1) {
    const result = await world.mount()
    assert.deepEqual(result, { files: [], objectVersions: [{ id: 'secret/a', version: 'missing' }] })
    assert.equal(told(), 1)
  }
})

test('failures of several objects are told together in the order of the class, the same text each time', async () => {
  const world = createWorld([wanted('a'), wanted('b'), wanted('c')])
  let order = ['c', 'b', 'a']
  world.object = async (ask) => {
    for (let turn = 0; turn < order.indexOf(ask.name); turn += 1) await Promise.resolve()
    throw new VaultError('not-found', 'gone')
  }
  const texts = new Set<string>()
  for (const next of [
    ['a', 'b', 'c'],
    ['b', 'c', 'a'],
  ]) {
    await assert.rejects(world.mount(), (thrown: Error) => texts.add(thrown.message).size > 0)
    order = next
  }
  assert.equal(texts.size, 1)
  assert.match(
    [...texts][0] ?? '',
    /objectName:a,.*Nor was read: secret b \(object-not-found\), secret c \(object-not-found\)$/,
  )
})

test('a vault that does not answer ends the other reads of the mount, and is told once', async () => {
  const world = createWorld([wanted('a'), wanted('b')])
  const ended: unknown[] = []
  world.object = (ask, signal) => {
    if (ask.name === 'b') return Promise.reject(new VaultError('unavailable', 'no route'))
    const { promise, reject } = Promise.withResolvers<VaultObject>()
    signal.addEventListener('abort', () => {
      ended.push(ask.name)
      reject(signal.reason as Error)
    })
    return promise
  }
  await assert.rejects(world.mount(), failing('vault-unavailable', /^vault shop cannot be read: no route$/))
  assert.deepEqual(ended, ['a'])
})

test('a token that the vault refuses is dropped and asked for once more', async () => {
  const world = createWorld([wanted('a')])
  world.tokens = [world.tokenOf('old'), world.tokenOf('new')]
  world.object = () =>
    world.refused === 0
      ? Promise.reject(new VaultError('unauthorized', 'revoked', { status: 401 }))
      : Promise.resolve(secret('1'))
  const result = await world.mount()
  assert.equal(result.files.length, 1)
  assert.deepEqual(
    world.asked.map(({ context }) => context.token.reveal()),
    ['old', 'new'],
  )
})

test('when the same token comes back the refusal stands, after one try', async () => {
  const world = createWorld([wanted('a')])
  world.object = () =>
    Promise.reject(new VaultError('unauthorized', 'the vault is of tenant b', { status: 401 }))
  await assert.rejects(
    world.mount(),
    failing('vault-unauthorized', /client id 5a0b: the vault is of tenant b/),
  )
  assert.equal(world.asked.length, 1)
})

test('time that runs out is told with the step that was under way, and so is another end', async () => {
  const ends: [Error, RegExp][] = [
    [new DeadlineError('the mount', 1_000), /^the time of the mount ran out while vault shop is read$/],
    [new Error('the provider stops'), /^the mount was ended while vault shop is read$/],
  ]
  for (const [reason, told] of ends) {
    const world = createWorld([wanted('a')])
    const controller = new AbortController()
    world.object = (_ask, signal) => {
      const { promise, reject } = Promise.withResolvers<VaultObject>()
      signal.addEventListener('abort', () => reject(signal.reason as Error))
      controller.abort(reason)
      return promise
    }
    await assert.rejects(world.mount(controller.signal), failing('out-of-time', told))
  }
})

test('a fault of podid is an internal error for the caller, with what happened as its cause', async () => {
  const world = createWorld([wanted('a')])
  world.object = () => Promise.reject(new TypeError('cannot read properties of undefined'))
  await assert.rejects(world.mount(), (thrown: Error) => {
    assert.ok(thrown.cause instanceof TypeError)
    return failing('internal-error', /^a fault in podid$/)(thrown)
  })
})

test('objects whose files collide are refused, also when one wants a folder where the other has a file', async () => {
  for (const path of ['a', 'a/b']) {
    const world = createWorld([wanted('a'), wanted('b', { path })])
    await assert.rejects(world.mount(), failing('objects-invalid', /^the files of a and b collide at a/))
  }
})

test('the last known good is mounted with a line in the log that says since when', async () => {
  const world = createWorld([wanted('a')])
  world.staleSince = Date.UTC(2026, 0, 2)
  await world.mount()
  assert.ok(
    world.lines.some((line) => line.includes('2026-01-02T00:00:00.000Z') && line.includes('last known good')),
  )
})

test('a request that cannot be read is told in the log too, with the volume that it was for', async () => {
  const world = createWorld([])
  world.read = () => Promise.reject(new MountFailure('parameter-invalid', 'keyvaultName is not provided'))
  await assert.rejects(world.mount(), failing('parameter-invalid', /keyvaultName/))
  assert.ok(world.lines.some((line) => line.includes('/pods/1/mount') && line.includes('parameter-invalid')))
})

test('no value and no token is in any line of the log', async () => {
  const world = createWorld([wanted('a')])
  await world.mount()
  world.object = () => Promise.reject(new VaultError('forbidden', 'no'))
  await assert.rejects(world.mount())
  assert.ok(world.lines.length >= 2)
  for (const line of world.lines) {
    assert.ok(!line.includes(VALUE))
    assert.ok(!line.includes(TOKEN))
  }
})
