import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OperatorError } from '../base/errors.ts'
import { readProxies } from './proxies.ts'

test('the variables are read as other programs read them', () => {
  const cases: [Record<string, string>, unknown][] = [
    [{}, undefined],
    [{ NO_PROXY: 'a' }, undefined],
    [{ HTTPS_PROXY: '  ' }, undefined],
    [{ HTTPS_PROXY: 'http://proxy:3128' }, { https: 'http://proxy:3128/' }],
    [{ HTTPS_PROXY: 'proxy.corp:3128' }, { https: 'http://proxy.corp:3128/' }],
    [{ HTTPS_PROXY: 'http://upper', https_proxy: 'https://lower' }, { https: 'https://lower/' }],
    [{ HTTPS_PROXY: 'http://upper', https_proxy: '' }, { https: 'http://upper/' }],
    [
      { HTTP_PROXY: 'http://proxy', no_proxy: '.svc,10.0.0.1' },
      { http: 'http://proxy/', none: '.svc,10.0.0.1' },
    ],
  ]
  for (const [environment, expected] of cases) assert.deepEqual(readProxies(environment), expected)
})

test('what is no proxy is refused by its name and without its value', () => {
  for (const value of ['socks5://user:hidden@proxy:1080', 'http://user:hidden@pro xy', 'http://']) {
    assert.throws(
      () => readProxies({ HTTPS_PROXY: value }),
      (thrown) =>
        thrown instanceof OperatorError &&
        thrown.message.startsWith('HTTPS_PROXY ') &&
        !/hidden/.test(thrown.message),
    )
  }
})
