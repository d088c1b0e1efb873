import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mountMessage, TOKENS_KEY } from '../../../test/make/mount-messages.ts'
import { errorText } from '../../base/errors.ts'
import { MountFailure } from '../mount-failure.ts'
import { type MountMessage, parseMountRequest } from './mount-request.ts'

function failure(message: MountMessage): MountFailure {
  try {
    parseMountRequest(message)
  } catch (thrown) {
    assert.ok(thrown instanceof MountFailure, String(thrown))
    return thrown
  }
  return assert.fail('it was read')
}

test('the four strings of the driver are read', () => {
  const request = parseMountRequest(
    mountMessage({ keyvaultName: ' shop-vault\n' }, { secretTexts: { clientid: ' a ' } }),
  )
  assert.deepEqual(request.pod, {
    namespace: 'shop',
    name: 'web-0',
    serviceAccount: 'web',
  })
  assert.equal(request.parameters.get('keyvaultName'), 'shop-vault')
  assert.equal(request.secrets.get('clientid')?.reveal(), ' a ')
  assert.equal(request.defaultMode, 0o644)
  assert.match(request.targetPath, /^\/var\/lib\/kubelet\/pods\//)
  assert.equal(request.serviceAccountTokens, undefined)
})

test('no Secret is null, and so may attributes be', () => {
  assert.equal(parseMountRequest(mountMessage()).secrets.size, 0)
  assert.equal(failure(mountMessage({}, { attributes: 'null' })).message, 'pod name is not provided')
})

test('tokens come from the secrets before the attributes, and are in neither map', () => {
  const attributes = { [TOKENS_KEY]: '{"a":1}' }
  const both = parseMountRequest(
    mountMessage(attributes, { secretTexts: { [TOKENS_KEY]: '{"b":2}', clientid: 'x' } }),
  )
  assert.equal(both.serviceAccountTokens?.reveal(), '{"b":2}')
  assert.deepEqual([...both.secrets.keys()], ['clientid'])
  assert.equal(both.parameters.has(TOKENS_KEY), false)
  assert.equal(parseMountRequest(mountMessage(attributes)).serviceAccountTokens?.reveal(), '{"a":1}')
  const blank = mountMessage(attributes, { secretTexts: { [TOKENS_KEY]: ' ' } })
  assert.equal(parseMountRequest(blank).serviceAccountTokens?.reveal(), '{"a":1}')
})

test('what cannot be read is told in the old words, without a piece of it', () => {
  const token = 'eyJhbGciOi.secret'
  const cases: readonly [Partial<MountMessage>, RegExp][] = [
    [{ attributes: token }, /^failed to unmarshal attributes, error: not JSON$/],
    [{ attributes: '' }, /^failed to unmarshal attributes, error: not JSON$/],
    [{ attributes: JSON.stringify([token]) }, /^failed to unmarshal attributes, error: not a JSON object/],
    [
      { attributes: JSON.stringify({ a: [token] }) },
      /^failed to unmarshal attributes, error: not a JSON obj/,
    ],
    [{ secrets: `{"clientsecret": "${token}` }, /^failed to unmarshal secrets, error: not JSON$/],
    [{ secrets: JSON.stringify(token) }, /^failed to unmarshal secrets, error: not a JSON object/],
    [{ permission: token }, /^failed to unmarshal file permission, error: /],
    [{ permission: '' }, /^failed to unmarshal file permission, error: /],
    [{ permission: '"420"' }, /^failed to unmarshal file permission, error: /],
    [{ permission: '512' }, /^failed to unmarshal file permission, error: /],
    [{ permission: '-1' }, /^failed to unmarshal file permission, error: /],
    [{ permission: '4.5' }, /^failed to unmarshal file permission, error: /],
    [{ targetPath: 'x'.repeat(4_097) }, /^target path is longer/],
    [{ attributes: `{"a":"${'x'.repeat(1024 * 1024)}"}` }, /^failed to unmarshal attributes, error: longer/],
  ]
  for (const [strings, text] of cases) {
    const thrown = failure(mountMessage({}, strings))
    assert.equal(thrown.code, 'request-unreadable')
    assert.match(thrown.message, text)
    assert.ok(!errorText(thrown).includes(token))
    assert.ok(!errorText(thrown.cause ?? '').includes('eyJ'))
  }
})

test('too many members are refused', () => {
  const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`k${index}`, '']))
  assert.match(failure(mountMessage(many)).message, /more than 1000 members/)
})

test('a pod without name or namespace is told as before', () => {
  for (const [key, text] of [
    ['csi.storage.k8s.io/pod.name', 'pod name is not provided'],
    ['csi.storage.k8s.io/pod.namespace', 'pod namespace is not provided'],
  ] as const) {
    for (const value of [undefined, '', ' ']) {
      const thrown = failure(mountMessage({ [key]: value }))
      assert.equal(thrown.code, 'pod-info-missing')
      assert.equal(thrown.message, text)
    }
  }
})

test('names that Kubernetes does not allow do not come into headers', () => {
  for (const name of ['a\r\nx: y', 'a b', 'Web', '../a', 'ä', 'a'.repeat(254)]) {
    assert.equal(failure(mountMessage({ 'csi.storage.k8s.io/pod.name': name })).code, 'request-unreadable')
  }
})

test('members that would be of the prototype are no parameters', () => {
  const attributes = mountMessage().attributes.replace(/^\{/, '{"__proto__":"x","constructor":null,')
  const { parameters } = parseMountRequest(mountMessage({}, { attributes }))
  assert.equal(parameters.get('toString'), undefined)
  assert.equal(parameters.has('__proto__'), false)
  assert.equal(parameters.get('keyvaultName'), 'shop-vault')
})
