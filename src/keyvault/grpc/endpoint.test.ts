import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OperatorError } from '../../base/errors.ts'
import { parseEndpoint } from './endpoint.ts'

test('sockets are named as gRPC and the old provider name them', () => {
  for (const text of [
    'unix:///provider/azure.sock',
    'unix:/provider/azure.sock',
    'UNIX:///provider/azure.sock',
  ]) {
    assert.deepEqual(parseEndpoint(text), { kind: 'unix', path: '/provider/azure.sock' })
  }
  assert.deepEqual(parseEndpoint('unix://azure.sock'), { kind: 'unix', path: 'azure.sock' })
})

test('tcp is for tests: loopback only', () => {
  assert.deepEqual(parseEndpoint('tcp://127.0.0.1:0'), { kind: 'tcp', host: '127.0.0.1', port: 0 })
  assert.deepEqual(parseEndpoint('tcp://[::1]:99'), { kind: 'tcp', host: '::1', port: 99 })
})

test('anything else is refused, and the flag is named', () => {
  const refused = [
    '',
    'unix:',
    'unix://',
    'unix:///provider/',
    'udp://127.0.0.1:1',
    'tcp://0.0.0.0:80',
    'tcp://10.0.0.4:80',
    'tcp://127.0.0.1:70000',
    'tcp://127.0.0.1',
    '/provider/azure.sock',
    `unix:///${'x'.repeat(98)}`,
  ]
  for (const text of refused) {
    assert.throws(
      () => parseEndpoint(text),
      (error) => error instanceof OperatorError && error.message.startsWith(`--endpoint ${text}: `),
      text,
    )
  }
})
