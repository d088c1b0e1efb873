import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MountFailureCode } from '../../model/mount-failures.ts'
import { MountFailure } from '../mount-failure.ts'
import { parseGoBool } from './go-bool.ts'
import { type ClassParameters, readParameters } from './parameters.ts'

const GOOD = { keyvaultName: 'shop-vault', tenantID: 'contoso.com' }

const read = (given: Readonly<Record<string, string>>): ClassParameters =>
  readParameters(new Map(Object.entries(given)))

function fails(given: Readonly<Record<string, string>>, code: MountFailureCode, text: string): void {
  assert.throws(
    () => read(given),
    (thrown) => {
      assert.ok(thrown instanceof MountFailure, String(thrown))
      assert.equal(thrown.message, text)
      assert.equal(thrown.code, code)
      return true
    },
  )
}

test('each parameter has its default and is read', () => {
  assert.deepEqual(read(GOOD), {
    identityFlag: 'none',
    keyvaultName: 'shop-vault',
    tenantId: 'contoso.com',
    clientId: '',
    userAssignedIdentityId: '',
    cloudName: '',
    cloudEnvFileName: '',
    objects: '',
    lastKnownGoodMs: 0,
    misspelled: new Map(),
  })
  const full = read({
    ...GOOD,
    useVMManagedIdentity: 'T',
    userAssignedIdentityID: 'u',
    clientID: 'c',
    cloudName: 'AzureChinaCloud',
    cloudEnvFileName: '/f',
    objects: 'array: []',
    lastKnownGoodMaxAge: '1h30m',
    resourceGroup: 'ignored',
  })
  assert.equal(full.identityFlag, 'useVMManagedIdentity')
  assert.equal(full.userAssignedIdentityId, 'u')
  assert.equal(full.clientId, 'c')
  assert.equal(full.cloudName, 'AzureChinaCloud')
  assert.equal(full.cloudEnvFileName, '/f')
  assert.equal(full.objects, 'array: []')
  assert.equal(full.lastKnownGoodMs, 5_400_000)
})

test('tenantID goes before the old tenantId', () => {
  assert.equal(read({ ...GOOD, tenantId: 'old' }).tenantId, 'contoso.com')
  assert.equal(read({ keyvaultName: 'abc', tenantId: 'old' }).tenantId, 'old')
})

test('booleans are those of Go', () => {
  for (const text of ['1', 't', 'T', 'TRUE', 'true', 'True', ' true ']) assert.equal(parseGoBool(text), true)
  for (const text of ['0', 'f', 'F', 'FALSE', 'false', 'False', '', '  '])
    assert.equal(parseGoBool(text), false)
  for (const name of ['usePodIdentity', 'useVMManagedIdentity', 'useAzureTokenProxy']) {
    for (const value of ['tru', 'yes', 'tRUE', 'on']) {
      fails(
        { ...GOOD, [name]: value },
        'parameter-invalid',
        `failed to parse ${name} flag, error: strconv.ParseBool: parsing "${value}": invalid syntax`,
      )
    }
  }
})

test('one flag at most', () => {
  const flags = ['usePodIdentity', 'useVMManagedIdentity', 'useAzureTokenProxy']
  const text =
    'only one identity mode can be enabled at a time: usePodIdentity, useVMManagedIdentity, or useAzureTokenProxy'
  for (const chosen of [flags, flags.slice(1), flags.slice(0, 2), [flags[0] ?? '', flags[2] ?? '']]) {
    fails(
      Object.fromEntries(chosen.map((flag) => [flag, 'true'])),
      'identity-mode-conflict',
      `${text} (${chosen.join(' and ')} are true)`,
    )
  }
})

test('the order is the old one: flags, vault, tenant', () => {
  fails({ usePodIdentity: 'x' }, 'parameter-invalid', failedFlag('x'))
  fails({}, 'parameter-invalid', 'keyvaultName is not provided')
  fails({ keyvaultName: 'abc' }, 'parameter-invalid', 'tenantId is not provided')
})

function failedFlag(value: string): string {
  return `failed to parse usePodIdentity flag, error: strconv.ParseBool: parsing "${value}": invalid syntax`
}

test('a near miss is named when what it resembles is missing', () => {
  fails(
    { keyVaultName: 'abc', tenantID: 'x' },
    'parameter-invalid',
    'keyvaultName is not provided (keyVaultName is given: it is written keyvaultName)',
  )
  fails(
    { keyvaultName: 'abc', tenantid: 'x' },
    'parameter-invalid',
    'tenantId is not provided (tenantid is given: it is written tenantID)',
  )
  fails(
    { keyvaultName: 'abc', clientId: 'x', subscriptionId: 'y', secretProviderClass: 'z' },
    'parameter-invalid',
    'tenantId is not provided',
  )
  assert.equal(read({ ...GOOD, clientId: 'x' }).misspelled.get('clientID'), 'clientId')
  assert.equal(
    read({ ...GOOD, userAssignedIdentityId: 'x' }).misspelled.get('userAssignedIdentityID'),
    'userAssignedIdentityId',
  )
})

test('the last known good is a duration of a day at most', () => {
  assert.equal(read({ ...GOOD, lastKnownGoodMaxAge: '24h' }).lastKnownGoodMs, 86_400_000)
  assert.equal(read({ ...GOOD, lastKnownGoodMaxAge: '0' }).lastKnownGoodMs, 0)
  for (const value of ['24h1s', '-1s', '5', '1d', 'x'.repeat(60)]) {
    fails(
      { ...GOOD, lastKnownGoodMaxAge: value },
      'parameter-invalid',
      `lastKnownGoodMaxAge "${value}" is not a duration from 0s to 24h, such as 1h30m`,
    )
  }
})
