import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Cloud, cloudByName, knownClouds } from '../../azure/clouds.ts'
import { MountFailure } from '../mount-failure.ts'
import { vaultOrigin } from './vault-address.ts'

function publicCloud(): Cloud {
  const cloud = cloudByName('')
  assert.ok(cloud)
  return cloud
}

function fails(name: string, text: string, cloud = publicCloud()): void {
  assert.throws(() => vaultOrigin(name, cloud), {
    name: 'MountFailure',
    code: 'parameter-invalid',
    message: text,
  })
}

test('a vault has its address in each cloud', () => {
  assert.deepEqual(
    knownClouds().map((cloud) => vaultOrigin('Shop-1', cloud)),
    [
      'https://shop-1.vault.azure.net',
      'https://shop-1.vault.usgovcloudapi.net',
      'https://shop-1.vault.azure.cn',
      'https://shop-1.vault.microsoftazure.de',
    ],
  )
  const custom = { ...publicCloud(), keyVaultSuffix: 'vault.local.test:8443' }
  assert.equal(vaultOrigin('shop', custom), 'https://shop.vault.local.test:8443')
})

test('names are refused in the old words', () => {
  const long = 'a'.repeat(25)
  fails('ab', 'failed to get vault: Invalid vault name: "ab", must be between 3 and 24 chars')
  fails(long, `failed to get vault: Invalid vault name: "${long}", must be between 3 and 24 chars`)
  fails('sh_op', 'failed to get vault: Invalid vault name: "sh_op", must match [-a-zA-Z0-9]{3,24}')
})

test('no name leads to another host', () => {
  const evil = [
    'evil.com/',
    'evil.com#',
    'a@evil.com',
    'evil.com?',
    'a:1@b',
    'evil.com\\',
    'a%2eb',
    'a\nb.c',
    '...',
    'ａｂｃ',
  ]
  for (const name of evil) assert.throws(() => vaultOrigin(name, publicCloud()), MountFailure)
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[-\w.@/:#]{3,24}$/)), (name) => {
      try {
        const url = new URL(vaultOrigin(name, publicCloud()))
        assert.equal(url.hostname, `${name.toLowerCase()}.vault.azure.net`)
        assert.equal(url.href, `https://${url.hostname}/`)
      } catch (thrown) {
        assert.ok(thrown instanceof MountFailure, String(thrown))
      }
    }),
    { examples: [['xn--a'], ['xn--ab-'], ['xn--zzzzzzzz'], ['---'], ['123']] },
  )
})

test('an environment file cannot name a suffix that is more than a host', () => {
  for (const keyVaultSuffix of ['', 'x/y', 'x?y', 'x#y', 'a b', 'x@evil.test']) {
    assert.throws(() => vaultOrigin('shop', { ...publicCloud(), keyVaultSuffix }), MountFailure)
  }
})
