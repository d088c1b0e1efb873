import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import {
  leaveStaleSocket,
  makeFolder,
  makeProvider,
  settled,
  startNeighbour,
  startProvider,
  until,
} from '../../../test/harness/provider-world.ts'
import { OperatorError } from '../../base/errors.ts'

const OLD = { name: 'secrets-store-csi-driver-provider-azure', version: '1.8.2' }

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = makeFolder()
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const reasonOf = (world: { server: { status(): object } }): unknown => {
  const status = world.server.status()
  return 'reason' in status ? status.reason : undefined
}

test('a free path: only root may connect, nothing else is left in the folder, and the mask is put back', async () => {
  const mask = process.umask()
  await using world = await startProvider()
  assert.deepEqual(world.server.status(), { serving: true })
  assert.equal(lstatSync(world.socket).mode & 0o777, 0o700)
  assert.deepEqual(readdirSync(world.folder), ['azure.sock'])
  assert.equal(process.umask(), mask)
})

test('the socket goes with the server, and only then', async () => {
  await using world = await startProvider()
  assert.ok(existsSync(world.socket))
  await world.server.stop()
  assert.deepEqual(readdirSync(world.folder), [])
  assert.deepEqual(world.server.status(), { serving: false, reason: 'the provider is stopped' })
})

test('a socket that nobody serves is removed', () =>
  inFolder(async (folder) => {
    await leaveStaleSocket(join(folder, 'azure.sock'))
    await using world = await startProvider(undefined, { folder })
    assert.deepEqual(world.server.status(), { serving: true })
    await world.driver.mount({ attributes: {}, targetPath: join(folder, 'volume') })
  }))

test('a file that is no socket stays', () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'azure.sock'), 'precious')
    await using world = makeProvider(undefined, { folder })
    await assert.rejects(world.server.start(), (error) => {
      assert.ok(error instanceof OperatorError)
      assert.match(error.message, /^--endpoint: .*azure\.sock is there and is no socket: remove it$/)
      return true
    })
    assert.equal(readFileSync(join(folder, 'azure.sock'), 'utf8'), 'precious')
  }))

test('a path that cannot be looked at is looked at again after a while, and served all the time', () =>
  inFolder(async (folder) => {
    const [place, away] = [join(folder, 'place'), join(folder, 'away')]
    mkdirSync(place)
    await using world = await startProvider(undefined, { endpoint: `unix://${join(place, 'azure.sock')}` })
    renameSync(place, away)
    symlinkSync('place', place)
    const told = () => world.lines.filter((line) => line.includes('cannot be looked at: ELOOP')).length
    await world.clock.advance(3_000)
    assert.equal(told(), 1)
    assert.deepEqual(world.server.status(), { serving: true })
    rmSync(place)
    renameSync(away, place)
    await world.clock.advance(3_000)
    assert.deepEqual(world.server.status(), { serving: true })
    await world.server.stop()
    assert.deepEqual(readdirSync(place), [])
  }))

test('a folder that does not exist is the mistake of who started it', async () => {
  await using world = makeProvider(undefined, { endpoint: 'unix:///nowhere/at/all/azure.sock' })
  await assert.rejects(world.server.start(), (error) => {
    assert.ok(error instanceof OperatorError)
    assert.equal(error.message, '--endpoint: the folder of /nowhere/at/all/azure.sock does not exist')
    return true
  })
})

test('another provider is named, left alone, and succeeded when it is gone', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'azure.sock')
    const old = await startNeighbour(path, OLD)
    const { ino } = lstatSync(path)
    await using world = await startProvider(undefined, { folder })
    assert.equal(
      reasonOf(world),
      `${path} is served by secrets-store-csi-driver-provider-azure 1.8.2: ` +
        'remove it, both cannot serve one socket; podid takes over when it is gone',
    )
    await world.clock.advance(2_000)
    assert.equal(lstatSync(path).ino, ino)
    assert.match(await world.metrics(), /^podid_keyvault_socket_serving 0$/m)
    old.stop()
    assert.equal(existsSync(path), false)
    await world.clock.advance(250)
    await until(() => world.server.status().serving)
    assert.match(await world.metrics(), /^podid_keyvault_socket_serving 1$/m)
  }))

test('a provider that was killed leaves its socket, and is succeeded too', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'azure.sock')
    const old = await startNeighbour(path, OLD)
    await using world = await startProvider(undefined, { folder })
    assert.equal(world.server.status().serving, false)
    old.kill()
    assert.ok(existsSync(path))
    await until(() => world.server.status().serving, world.clock)
  }))

test('a program that listens and says nothing is left alone', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'azure.sock')
    const taken: Socket[] = []
    const silent = createServer((socket) => void taken.push(socket))
    await new Promise<void>((done) => silent.listen(path, done))
    await using world = makeProvider(undefined, { folder })
    const started = settled(world.server.start())
    await until(() => started.done, world.clock)
    assert.equal(
      reasonOf(world),
      `${path} is served by a program that does not say its version: podid takes over when it is gone`,
    )
    assert.ok(existsSync(path))
    silent.close()
    for (const socket of taken) socket.destroy()
    await until(() => world.server.status().serving, world.clock)
  }))

test('what a stranger calls itself is cut to what fits into a message', () =>
  inFolder(async (folder) => {
    const old = await startNeighbour(join(folder, 'azure.sock'), {
      name: `evil\n\u001b[31m${'x'.repeat(200)}`,
      version: 'ä',
    })
    await using world = await startProvider(undefined, { folder })
    assert.match(String(reasonOf(world)), /is served by evil\?\?\[31mx{90} \?: remove it/)
    old.stop()
  }))

test('two instances do not fight: one waits until the other ends, and the other waits when it comes back', () =>
  inFolder(async (folder) => {
    await using first = await startProvider(undefined, { folder })
    await using second = await startProvider(undefined, { folder })
    assert.equal(
      reasonOf(second),
      `${first.socket} is served by podid-keyvault-provider 0.1.0: podid takes over when it is gone`,
    )
    for (let round = 0; round < 10; round += 1) {
      await first.clock.advance(1_000)
      await second.clock.advance(250)
      assert.deepEqual([first.server.status().serving, second.server.status().serving], [true, false])
    }
    await first.server.stop()
    await until(() => second.server.status().serving, second.clock)
    await using third = await startProvider(undefined, { folder })
    await second.clock.advance(3_000)
    assert.deepEqual([second.server.status().serving, third.server.status().serving], [true, false])
  }))

test('instances that start at once over a stale socket: one serves', () =>
  inFolder(async (folder) => {
    await leaveStaleSocket(join(folder, 'azure.sock'))
    const worlds = Array.from({ length: 5 }, () => makeProvider(undefined, { folder }))
    await Promise.all(worlds.map((world) => world.server.start()))
    // Those that were slower look again.
    for (let round = 0; round < 8; round += 1) {
      for (const world of worlds) await world.clock.advance(1_000)
    }
    assert.equal(worlds.filter((world) => world.server.status().serving).length, 1)
    assert.deepEqual(readdirSync(folder), ['azure.sock'])
    for (const world of worlds) await world[Symbol.asyncDispose]()
  }))

test('a socket that is removed comes back within a second', async () => {
  await using world = await startProvider()
  rmSync(world.socket)
  await world.clock.advance(1_000)
  await until(() => world.server.status().serving && existsSync(world.socket))
  assert.ok(world.lines.some((line) => line.includes('was removed or replaced by another program')))
  await world.driver.mount({ attributes: {}, targetPath: join(world.folder, 'volume') })
})

test('a socket that another provider replaced is its own, also when podid stops', async () => {
  await using world = await startProvider()
  rmSync(world.socket)
  const old = await startNeighbour(world.socket, OLD)
  const { ino } = lstatSync(world.socket)
  await world.clock.advance(1_000)
  await until(() => String(reasonOf(world)).includes('is served by secrets-store'))
  await world.server.stop()
  assert.equal(lstatSync(world.socket).ino, ino)
  old.stop()
})

test('a replaced socket that nobody serves is claimed again', async () => {
  await using world = await startProvider()
  rmSync(world.socket)
  await leaveStaleSocket(world.socket)
  const { ino } = lstatSync(world.socket)
  await world.clock.advance(1_000)
  await until(() => world.server.status().serving && lstatSync(world.socket).ino !== ino)
})

test('a folder that goes and comes back is claimed anew', () =>
  inFolder(async (root) => {
    const folder = join(root, 'providers')
    mkdirSync(folder)
    await using world = await startProvider(undefined, { folder })
    rmSync(folder, { recursive: true })
    await world.clock.advance(1_500)
    await until(() => String(reasonOf(world)).includes('cannot be claimed'))
    mkdirSync(folder)
    await world.clock.advance(250)
    await until(() => world.server.status().serving)
  }))

test('a stop while it waits or starts leaves nothing behind', () =>
  inFolder(async (folder) => {
    const clock = new FakeClock({ now: Date.now() })
    const world = makeProvider(undefined, { folder, clock })
    const starting = world.server.start()
    await world.server.stop()
    await Promise.allSettled([starting])
    assert.deepEqual(readdirSync(folder), [])
    const old = await startNeighbour(world.socket, OLD)
    const waiting = makeProvider(undefined, { folder, clock })
    await waiting.server.start()
    await waiting.server.stop()
    assert.equal(clock.timers, 0)
    old.stop()
  }))
