import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import fc from 'fast-check'
import { type ProviderWorld, startProvider } from '../../../test/harness/provider-world.ts'
import { MountFailure } from '../mount-failure.ts'

/** A server whose mounts fail at once, so that an answer shows that one was reached. */
const start = (): Promise<ProviderWorld> =>
  startProvider(() => Promise.reject(new MountFailure('pod-info-missing', 'reached')))

function mountRaw(client: Client, bytes: Buffer): Promise<ServiceError | null> {
  const asIs = (each: Buffer): Buffer => each
  const { promise, resolve } = Promise.withResolvers<ServiceError | null>()
  client.makeUnaryRequest('/v1alpha1.CSIDriverProvider/Mount', asIs, asIs, bytes, (error) => resolve(error))
  return promise
}

test('bytes that are no message end as an error of their call, and the server goes on', async () => {
  await using world = await start()
  const client = new Client(world.server.target(), credentials.createInsecure())
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const error = await mountRaw(client, Buffer.from(bytes))
      assert.ok(error !== null)
      assert.ok([status.INTERNAL, status.UNKNOWN].includes(error.code), error.message)
      if (error.code === status.UNKNOWN) assert.match(error.details, /reached/)
    }),
  )
  client.close()
  await world.driver.version()
})

test('bytes that are no HTTP/2 end their connection, and the server goes on', async () => {
  await using world = await start()
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.uint8Array({ minLength: 9, maxLength: 200 }), async (polite, bytes) => {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      const socket = connect(world.socket)
      socket.on('error', () => {})
      socket.once('close', () => resolve(undefined))
      socket.resume()
      socket.end(polite ? Buffer.concat([preface, bytes]) : bytes)
      await promise
    }),
    { numRuns: 50 },
  )
  await world.driver.version()
})
