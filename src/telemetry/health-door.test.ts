import assert from 'node:assert/strict'
import { get } from 'node:http'
import { test } from 'node:test'
import { createHealthDoor } from './health-door.ts'

async function ask(port: number, path: string): Promise<[number | undefined, string]> {
  const { promise, resolve, reject } = Promise.withResolvers<[number | undefined, string]>()
  get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.on('end', () => resolve([response.statusCode, text]))
  }).on('error', reject)
  return promise
}

test('health is 200 ok or 503 with the reason, readiness lists its checks, the rest is not found', async (context) => {
  const state: { failure: string | undefined } = { failure: undefined }
  let health = (): Promise<string | undefined> => Promise.resolve(state.failure)
  const door = createHealthDoor({
    host: '127.0.0.1',
    port: 0,
    path: '/alive',
    health: () => health(),
    ready: () => [{ name: 'socket', failure: state.failure }],
  })
  await door.open()
  context.after(() => door.close())
  assert.deepEqual(await ask(door.port, '/alive?x=1'), [200, 'ok'])
  assert.deepEqual(await ask(door.port, '/readyz'), [200, '[+] socket ok\nok\n'])
  state.failure = 'somebody else has it'
  assert.deepEqual(await ask(door.port, '/alive'), [503, 'somebody else has it'])
  assert.deepEqual(await ask(door.port, '/readyz'), [
    503,
    '[-] socket failed: somebody else has it\nnot ok\n',
  ])
  health = () => Promise.reject(new Error('broken'))
  assert.deepEqual(await ask(door.port, '/alive'), [503, 'broken'])
  assert.equal((await ask(door.port, '/healthz'))[0], 404)
})
