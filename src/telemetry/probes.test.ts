import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { OperatorError } from '../base/errors.ts'
import { type Check, createProbes } from './probes.ts'

interface Answer {
  status: number
  body: string
}

async function ask(port: number, path: string, method = 'GET'): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
    let body = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      body += chunk
    })
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
  })
    .on('error', reject)
    .end()
  return promise
}

test('readiness names the failed check and answers 503, liveness stays on its own', async () => {
  let failure: Check['failure'] = 'the watch of pods is broken'
  const probes = createProbes({
    host: '127.0.0.1',
    port: 0,
    ready: () => [
      { name: 'pods', failure },
      { name: 'rules', failure: undefined },
    ],
    live: () => [{ name: 'process', failure: undefined }],
    healthz: () => 'Not Active',
  })
  await probes.open()
  try {
    assert.deepEqual(await ask(probes.port, '/readyz'), {
      status: 503,
      body: '[-] pods failed: the watch of pods is broken\n[+] rules ok\nnot ok\n',
    })
    assert.equal((await ask(probes.port, '/livez')).status, 200)
    assert.deepEqual(await ask(probes.port, '/healthz'), { status: 200, body: 'Not Active' })
    failure = undefined
    assert.equal((await ask(probes.port, '/readyz?verbose')).status, 200)
    assert.equal((await ask(probes.port, '/other')).status, 404)
    assert.equal((await ask(probes.port, '/readyz', 'POST')).status, 405)
  } finally {
    await probes.close()
  }
})

test('a taken port is explained to the operator with the flag that moves it', async () => {
  const options = { host: '127.0.0.1', ready: () => [], live: () => [], healthz: () => 'Active' }
  const first = createProbes({ ...options, port: 0 })
  await first.open()
  const second = createProbes({ ...options, port: first.port })
  try {
    await assert.rejects(second.open(), (error) => {
      assert.ok(error instanceof OperatorError)
      assert.match(error.message, /--http-probe-port.*another process holds the port/)
      return true
    })
  } finally {
    await second.close()
    await first.close()
  }
})
