import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidArgumentError } from 'commander'
import { KEYVAULT_PROVIDER_FLAGS as FLAGS } from './keyvault-provider-flags.ts'

test('--metadata-endpoint is an address and nothing more', () => {
  const flag = FLAGS['metadata-endpoint']
  assert.equal(flag.default, 'http://169.254.169.254')
  for (const [text, address] of [
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://[fd00::1]:80/', 'http://[fd00::1]'],
  ] as const)
    assert.equal(flag.parse(text), address)
  for (const text of [
    '',
    'foo',
    '169.254.169.254',
    'ftp://a',
    'http://a/metadata',
    'http://u:p@a',
    'http://a?b',
  ])
    assert.throws(() => flag.parse(text), InvalidArgumentError, text)
})

test('--healthz-path has its slash', () => {
  assert.equal(FLAGS['healthz-path'].parse('healthz'), '/healthz')
  assert.equal(FLAGS['healthz-path'].parse('/live'), '/live')
})

test('--max-answer-bytes is 1 to 64 MiB, and by default what the driver takes', () => {
  const flag = FLAGS['max-answer-bytes']
  assert.equal(flag.default, 4_194_304)
  assert.equal(flag.parse('67108864'), 67_108_864)
  for (const text of ['1048575', '67108865', '4MiB'])
    assert.throws(() => flag.parse(text), InvalidArgumentError)
})
