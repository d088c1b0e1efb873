import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wantedSecret } from '../../test/make/vault-objects.ts'
import { VaultError, type VaultErrorKind } from '../azure/vault-error.ts'
import { SecretString } from '../base/secret.ts'
import type { VaultLogin, VaultToken } from './identity/vault-login.ts'
import { mountFailureText } from './mount-failure.ts'
import { TurnedAway } from './vault/turned-away.ts'
import { isAbsent, objectFailure } from './vault-failure.ts'
import type { WantedObject } from './wanted-object.ts'

const OBJECT_ID = '11111111-2222-4333-8444-555555555555'

const wanted = wantedSecret('database-password')

const token: VaultToken = {
  value: new SecretString('eyJ.secret.token'),
  reader: 'r',
  who: 'client id 5a0b0c0d-0000-4000-8000-000000000001',
  objectId: OBJECT_ID,
}

const podIdentity: VaultLogin = {
  kind: 'pod-identity',
  pod: { namespace: 'shop', name: 'web-0' },
  resource: 'https://vault.azure.net',
}

function failed(
  kind: VaultErrorKind,
  object: Partial<WantedObject> = {},
  login: VaultLogin = podIdentity,
  vaultCode = 'AccessDenied',
) {
  return failedWith(new VaultError(kind, 'what the vault said', { status: 403, vaultCode }), object, login)
}

function failedWith(error: VaultError, object: Partial<WantedObject> = {}, login = podIdentity) {
  const order = {
    login,
    vault: { name: 'shop', origin: 'https://shop.vault.azure.net' },
    pod: { namespace: 'shop', name: 'web-0', serviceAccount: 'web' },
  }
  return objectFailure({ error, wanted: { ...wanted, ...object }, order, token })
}

test('a forbidden read names vault, object, identity, pod, and the commands for both kinds of vault', () => {
  const failure = failed('forbidden')
  assert.equal(failure.code, 'vault-forbidden')
  const text = mountFailureText(failure)
  for (const part of [
    /^failed to get objectType:secret, objectName:database-password, objectVersion:: /,
    /vault shop does not let/,
    /pod shop\/web-0/,
    /client id 5a0b0c0d-0000-4000-8000-000000000001/,
    /\(AccessDenied\)/,
    new RegExp(`--role "Key Vault Secrets User" --assignee-object-id ${OBJECT_ID} `),
    new RegExp(`az keyvault set-policy --name shop --object-id ${OBJECT_ID} --secret-permissions get,`),
  ])
    assert.match(text, part)
  assert.doesNotMatch(text, /secret\.token/)
})

test('each type has its own role, and several versions need the right to list', () => {
  assert.match(
    failed('forbidden', { type: 'key' }).message,
    /--key-permissions get,.*"Key Vault Crypto User"/,
  )
  assert.match(
    failed('forbidden', { type: 'cert', history: 3 }).message,
    /--certificate-permissions get list,.*"Key Vault Certificate User"/,
  )
})

test('a vault that says how it decides is told its own command alone, so that an Event holds all of it', () => {
  const byRole = failed('forbidden', {}, podIdentity, 'ForbiddenByRbac').message
  assert.match(byRole, /Run: az role assignment create/)
  assert.doesNotMatch(byRole, /set-policy/)
  const byPolicy = failed('forbidden', {}, podIdentity, 'ForbiddenByPolicy').message
  assert.match(byPolicy, /Run: az keyvault set-policy/)
  assert.doesNotMatch(byPolicy, /role assignment/)
})

test('with workload identity the service account that the pod really uses is named', () => {
  const login: VaultLogin = {
    kind: 'workload-identity',
    resource: 'https://vault.azure.net',
    loginOrigin: 'https://login.microsoftonline.com',
    tenantId: 't',
    clientId: 'c',
    assertion: new SecretString('a'),
  }
  assert.match(failed('forbidden', {}, login).message, /service account shop\/web,/)
})

test('each kind has its code, and the same failure has the same text', () => {
  const codes = {
    unauthorized: 'vault-unauthorized',
    forbidden: 'vault-forbidden',
    firewall: 'vault-firewall',
    'not-found': 'object-not-found',
    disabled: 'object-disabled',
    throttled: 'vault-throttled',
    unavailable: 'vault-unavailable',
    refused: 'object-unusable',
  } as const satisfies Record<VaultErrorKind, string>
  for (const [kind, code] of Object.entries(codes) as [VaultErrorKind, string][]) {
    assert.equal(failed(kind).code, code)
    assert.equal(failed(kind).message, failed(kind).message)
    assert.match(failed(kind).message, /shop/)
  }
})

test('a read that had no turn on this node is not laid to the vault', () => {
  const details = { retryAfterSeconds: 1, ownShare: false }
  const busy = new TurnedAway('no turn to read shop.vault.azure.net came in time', {
    ...details,
    byVault: false,
  })
  assert.equal(
    failedWith(busy).message,
    'vault shop was not asked: no turn to read shop.vault.azure.net came in time',
  )
  const paused = new TurnedAway('shop.vault.azure.net asked this node to wait', { ...details, byVault: true })
  assert.equal(failedWith(paused).message, 'vault shop limits the requests of this node')
})

test('an object that is missing or disabled is absent, one that may not be read is not', () => {
  for (const kind of ['not-found', 'disabled'] as const)
    assert.equal(isAbsent(new VaultError(kind, '')), true)
  for (const kind of ['forbidden', 'unavailable', 'unauthorized'] as const)
    assert.equal(isAbsent(new VaultError(kind, '')), false)
  assert.equal(isAbsent(new Error('not-found')), false)
})
