import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { MountRefused } from '../../../emulator/csi/mount-refused.ts'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import {
  heldMounts,
  makeFolder,
  ONE_FILE,
  settled,
  startProvider,
  until,
} from '../../../test/harness/provider-world.ts'
import { systemClock } from '../../base/clock.ts'
import { DeadlineError } from '../../base/deadline.ts'
import { MountFailure } from '../mount-failure.ts'
import type { MountRequest } from './generated/driver.ts'
import { DriverLeftError } from './mount-limit.ts'
import { checkServed } from './self-check.ts'

const ORDER = { attributes: { keyvaultName: 'shop' }, targetPath: '/unused' }

const REQUEST: MountRequest = {
  attributes: '{}',
  secrets: 'null',
  targetPath: '/x',
  permission: '420',
  currentObjectVersion: [],
}

async function refusal(mounting: Promise<unknown>): Promise<MountRefused> {
  try {
    await mounting
  } catch (thrown) {
    if (thrown instanceof MountRefused) return thrown
    throw thrown
  }
  throw new Error('the mount went well')
}

test('a mount: what the driver sends arrives, and what comes back becomes files', async () => {
  const { handler, held } = heldMounts()
  await using world = await startProvider(handler)
  const targetPath = join(world.folder, 'volume')
  const mounting = world.driver.mount({
    attributes: { keyvaultName: 'shop' },
    secrets: { clientid: 'a' },
    targetPath,
    permission: 0o600,
  })
  await until(() => held.length === 1)
  assert.deepEqual(held[0]?.message, {
    attributes: '{"keyvaultName":"shop"}',
    secrets: '{"clientid":"a"}',
    targetPath,
    permission: '384',
  })
  held[0]?.answer(ONE_FILE)
  assert.deepEqual([...(await mounting).objects], [['secret/db', 'v1']])
  assert.equal(readFileSync(join(targetPath, 'db'), 'utf8'), 'hunter2')
  const metrics = await world.metrics()
  assert.match(metrics, /^podid_keyvault_mounts_total\{outcome="ok"\} 1$/m)
  assert.match(
    metrics,
    /^grpc_request_count\{.*grpc_method="\/v1alpha1.CSIDriverProvider\/Mount",grpc_code="OK",grpc_message=""\} 1$/m,
  )
  assert.doesNotMatch(world.lines.join(''), /hunter2/)
})

test('Version and health answer as the driver and probes expect', async () => {
  await using world = await startProvider()
  assert.deepEqual(await world.driver.version(), {
    version: 'v1alpha1',
    runtimeName: 'podid-keyvault-provider',
    runtimeVersion: '0.1.0',
  })
  await checkServed(world.server.target(), { clock: world.clock, timeoutMs: 5_000 })
})

test('the health service has no Watch', async () => {
  await using world = await startProvider()
  const raw = new Client(world.server.target(), credentials.createInsecure())
  const error = await callRaw(raw, '/grpc.health.v1.Health/Watch', Buffer.alloc(0))
  assert.equal(error?.code, status.UNIMPLEMENTED)
  raw.close()
})

test('a socket that does not answer fails the self-check in time', async () => {
  const folder = makeFolder()
  const path = join(folder, 'azure.sock')
  const taken: Socket[] = []
  const silent = createServer((socket) => void taken.push(socket))
  await new Promise<void>((done) => silent.listen(path, done))
  const clock = new FakeClock()
  const checking = assert.rejects(
    checkServed(`unix:${path}`, { clock, timeoutMs: 5_000 }),
    /^DeadlineError: the health check of the socket took longer than 5000 ms$/,
  )
  await clock.advance(5_000)
  await checking
  silent.close()
  for (const socket of taken) socket.destroy()
  rmSync(folder, { recursive: true })
})

test('a failure is what kubelet shows, with the beginning that people know', async () => {
  const failures = [
    new MountFailure('vault-forbidden', 'may not read secret ä\n"db"'),
    new MountFailure('request-unreadable', 'failed to unmarshal attributes, error: no JSON'),
    new MountFailure('object-not-found', 'lone \ud800 surrogate'),
  ]
  await using world = await startProvider(() => Promise.reject(failures.shift() ?? new Error('no more')))
  const forbidden = await refusal(world.driver.mount(ORDER))
  assert.equal(
    forbidden.message,
    'rpc error: code = Unknown desc = failed to mount objects, error: may not read secret ä\n"db". ' +
      'Give it the role or access policy with the command of the message; it works within minutes',
  )
  assert.equal(forbidden.errorType, 'GRPCProviderError')
  const unreadable = await refusal(world.driver.mount(ORDER))
  assert.match(unreadable.message, /desc = failed to unmarshal attributes, error: no JSON\. Check that/)
  assert.match((await refusal(world.driver.mount(ORDER))).message, /lone � surrogate\. Create it/)
  assert.match(await world.metrics(), /^podid_keyvault_mounts_total\{outcome="vault-forbidden"\} 1$/m)
})

test('a fault in a mount is logged with its stack, and the next mount is served', async () => {
  const faults = [
    () => {
      throw new TypeError('x is not a function of the mount')
    },
    () => Promise.reject('a bare string'),
    () => Promise.reject(new MountFailure('internal-error', 'seen', { cause: new Error('deep') })),
  ]
  await using world = await startProvider(() => (faults.shift() ?? (() => Promise.resolve(ONE_FILE)))())
  const first = await refusal(world.driver.mount(ORDER))
  assert.match(first.message, /error: the provider met a fault of its own\. Report it with the log line/)
  assert.doesNotMatch(first.message, /is not a function/)
  await refusal(world.driver.mount(ORDER))
  await refusal(world.driver.mount(ORDER))
  const logged = world.lines.filter((line) => line.includes('a mount met a fault'))
  assert.match(logged[0] ?? '', /TypeError: x is not a function of the mount\\n {4}at /)
  assert.match(logged[1] ?? '', /a bare string/)
  assert.match(logged[2] ?? '', /deep\\n {4}at /)
  await world.driver.mount({ ...ORDER, targetPath: join(world.folder, 'volume') })
})

test('more mounts than the bound are refused, and taken again when one ended', async () => {
  const { handler, held } = heldMounts()
  await using world = await startProvider(handler, { maxMounts: 2 })
  const order = { ...ORDER, targetPath: join(world.folder, 'volume') }
  const first = world.driver.mount(order)
  const second = world.driver.mount({ ...order, targetPath: join(world.folder, 'other') })
  await until(() => held.length === 2)
  assert.match(await world.metrics(), /^podid_keyvault_mounts_in_flight 2$/m)
  const third = await refusal(world.driver.mount(order))
  assert.match(third.message, /code = Unknown desc = .*2 mounts are under way on this node\. Wait/)
  held[0]?.answer(ONE_FILE)
  await first
  const fourth = world.driver.mount(order)
  await until(() => held.length === 3)
  for (const mount of held) mount.answer(ONE_FILE)
  await Promise.all([second, fourth])
})

test('an answer near the bound reaches the driver, a larger one fails here with the reason', async () => {
  let size = 4_194_304 - 2 * 32 - 2 - 'secret/db'.length - 'v1'.length
  await using world = await startProvider(() =>
    Promise.resolve({ ...ONE_FILE, files: [{ path: 'db', mode: 0o644, contents: Buffer.alloc(size) }] }),
  )
  const order = { ...ORDER, targetPath: join(world.folder, 'volume') }
  assert.equal((await world.driver.mount(order)).written, true)
  size += 1
  assert.match(
    (await refusal(world.driver.mount(order))).message,
    /larger than the 4194304 bytes that the CSI driver takes at once, reached with /,
  )
})

test('a driver that is set to take more gets more', async () => {
  await using world = await startProvider(
    () =>
      Promise.resolve({
        ...ONE_FILE,
        files: [{ path: 'db', mode: 0o644, contents: Buffer.alloc(5_000_000) }],
      }),
    { maxAnswerBytes: 8_000_000 },
  )
  const refused = await refusal(world.driver.mount(ORDER))
  assert.match(
    refused.message,
    /code = ResourceExhausted desc = grpc: received message larger than max \(5\d+ vs. 4194304\)$/,
  )
})

test('a request that is too large is refused before a mount sees it', async () => {
  const { handler, held } = heldMounts()
  await using world = await startProvider(handler)
  const attributes = { keyvaultName: 'x'.repeat(5_000_000) }
  assert.match((await refusal(world.driver.mount({ ...ORDER, attributes }))).message, /ResourceExhausted/)
  assert.equal(held.length, 0)
  await world.driver.version()
})

test('a driver that no longer waits ends the mount', async () => {
  const { handler, held } = heldMounts()
  await using world = await startProvider(handler)
  const leaving = new AbortController()
  const mounting = refusal(world.driver.mount({ ...ORDER, signal: leaving.signal }))
  await until(() => held.length === 1)
  leaving.abort()
  assert.match((await mounting).message, /code = Canceled/)
  const signal = held[0]?.signal
  await until(() => signal?.aborted === true)
  assert.ok(signal?.reason instanceof DriverLeftError)
  held[0]?.fail(signal.reason)
  await until(() => world.clock.timers <= 1)
  assert.match(await world.metrics(), /^podid_keyvault_mounts_total\{outcome="cancelled"\} 1$/m)
})

test('a mount is told to end before the driver gives up, and says what was under way', async () => {
  const { handler, held } = heldMounts()
  await using world = await startProvider(handler)
  const refused = refusal(world.driver.mount(ORDER))
  await until(() => held.length === 1)
  // A call has taken some of its two minutes on the way.
  const signal = held[0]?.signal
  await world.clock.advance(115_000)
  assert.equal(signal?.aborted, false)
  await world.clock.advance(2_000)
  assert.ok(signal?.reason instanceof DeadlineError)
  held[0]?.fail(new MountFailure('out-of-time', 'vault shop is read'))
  assert.match((await refused).message, /code = Unknown desc = .*vault shop is read/)
})

test('a mount that does not heed its signal is answered all the same, and counts until it ends', async () => {
  const { handler, held } = heldMounts()
  await using world = await startProvider(handler, { maxMounts: 1 })
  const refused = refusal(world.driver.mount(ORDER))
  await until(() => held.length === 1)
  await world.clock.advance(118_500)
  assert.match((await refused).message, /the time that kubelet gives the mount ran out/)
  assert.match((await refusal(world.driver.mount(ORDER))).message, /1 mounts are under way/)
  held[0]?.answer(ONE_FILE)
  const next = world.driver.mount({ ...ORDER, targetPath: join(world.folder, 'volume') })
  await until(() => held.length === 2)
  held[1]?.answer(ONE_FILE)
  await next
})

test('a call without a deadline has two minutes', async () => {
  const { handler, held } = heldMounts()
  await using world = await startProvider(handler)
  world.client.mount(REQUEST, () => {})
  await until(() => held.length === 1)
  await world.clock.advance(116_999)
  assert.equal(held[0]?.signal.aborted, false)
  await world.clock.advance(1)
  assert.equal(held[0]?.signal.aborted, true)
  held[0]?.answer(ONE_FILE)
})

test('a stop lets mounts under way end, and takes no new connection', async () => {
  const { handler, held } = heldMounts()
  await using world = await startProvider(handler)
  const mounting = world.driver.mount({ ...ORDER, targetPath: join(world.folder, 'volume') })
  await until(() => held.length === 1)
  const stopped = settled(world.server.stop())
  await world.clock.advance(10_000)
  assert.equal(stopped.done, false)
  assert.equal(held[0]?.signal.aborted, false)
  await assert.rejects(
    checkServed(world.server.target(), { clock: world.clock, timeoutMs: 5_000 }),
    /No connection established|ENOENT/,
  )
  held[0]?.answer(ONE_FILE)
  assert.equal((await mounting).written, true)
  await until(() => stopped.done)
})

test('a stop cuts what does not end in time', async () => {
  const { handler, held } = heldMounts()
  await using world = await startProvider(handler, { shutdownMs: 3_000 })
  const ended = Promise.withResolvers<ServiceError | null>()
  world.client.mount(REQUEST, (error) => ended.resolve(error))
  await until(() => held.length === 1)
  const stopped = settled(world.server.stop())
  await world.clock.advance(3_000)
  await until(() => stopped.done)
  assert.equal(held[0]?.signal.aborted, true)
  assert.ok((await ended.promise) !== null)
  assert.ok(world.lines.some((line) => line.includes('connections are cut at the stop')))
})

test('tcp serves tests', async () => {
  await using world = await startProvider(undefined, { endpoint: 'tcp://127.0.0.1:0' })
  assert.match(world.server.target(), /^127\.0\.0\.1:[1-9]\d+$/)
  await checkServed(world.server.target(), { clock: systemClock, timeoutMs: 5_000 })
})

/** One call with bytes as they are. @returns its error, null when it went well */
function callRaw(client: Client, method: string, bytes: Buffer): Promise<ServiceError | null> {
  const asIs = (each: Buffer): Buffer => each
  const { promise, resolve } = Promise.withResolvers<ServiceError | null>()
  client.makeUnaryRequest(method, asIs, asIs, bytes, (error) => resolve(error))
  return promise
}
