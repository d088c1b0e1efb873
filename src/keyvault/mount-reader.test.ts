import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeContext, secretOf } from '../../test/fakes/scripted-vault.ts'
import type { VaultObject } from '../azure/vault-objects.ts'
import { createMountReader } from './mount-reader.ts'
import type { Read, VaultReader, Wanted } from './vault/vault-reader.ts'

const secret = (name: string, version = ''): Wanted => ({ shelf: 'secrets', name, version })

/** Reads stay open until the test answers them. */
function build() {
  const open: PromiseWithResolvers<Read<VaultObject>>[] = []
  const asked: string[] = []
  const controller = new AbortController()
  const reader: VaultReader = {
    object(_context, { name, version }, signal) {
      asked.push(`${name}/${version}`)
      const read = Promise.withResolvers<Read<VaultObject>>()
      signal.addEventListener('abort', () => read.reject(signal.reason))
      open.push(read)
      return read.promise
    },
    versions(_context, { name }) {
      asked.push(`${name}/versions`)
      return Promise.resolve({ value: [] })
    },
  }
  const answer = () => open.shift()?.resolve({ value: secretOf('x') })
  return {
    open,
    asked,
    answer,
    controller,
    reads: createMountReader(reader, makeContext(), controller.signal),
  }
}

const turn = () => new Promise<void>((done) => setImmediate(done))

test('ten are asked at a time, the others in their order as places get free', async () => {
  const { open, asked, answer, reads } = build()
  const names = Array.from({ length: 25 }, (_, index) => `s${index}`)
  const all = Promise.all(names.map((name) => reads.object(secret(name))))
  assert.equal(asked.length, 10)
  answer()
  answer()
  await turn()
  assert.equal(asked.length, 12)
  while (open.length > 0) {
    assert.ok(open.length <= 10)
    answer()
    await turn()
  }
  assert.equal((await all).length, 25)
  assert.deepEqual(
    asked,
    names.map((name) => `${name}/`),
  )
})

test('what two files want is asked once, whatever the case of its name, and so is a list', async () => {
  const { asked, answer, reads } = build()
  const same = [reads.object(secret('db')), reads.object(secret('DB'))]
  const pinned = reads.object(secret('db', 'v1'))
  answer()
  answer()
  const [first, second] = await Promise.all(same)
  assert.equal(first, second)
  await pinned
  await Promise.all([
    reads.versions({ shelf: 'secrets', name: 'db' }),
    reads.versions({ shelf: 'secrets', name: 'db' }),
    reads.versions({ shelf: 'keys', name: 'db' }),
  ])
  assert.deepEqual(asked, ['db/', 'db/v1', 'db/versions', 'db/versions'])
})

test('a mount that ends asks nothing more', async () => {
  const { asked, controller, reads } = build()
  const all = Array.from({ length: 20 }, (_, index) => reads.object(secret(`s${index}`)))
  controller.abort(new Error('the mount ended'))
  for (const read of all) await assert.rejects(read, /the mount ended/)
  assert.equal(asked.length, 10)
})
