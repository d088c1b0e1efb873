import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OperatorError } from '../base/errors.ts'
import { cloudConfigOf, parseCloudConfig } from './cloud-config.ts'

const file = (fields: object): Buffer => Buffer.from(JSON.stringify(fields))
const PRINCIPAL = { tenantId: 't', aadClientId: 'c', aadClientSecret: 'hunter2' }

test('a service principal and a managed identity are read from azure.json', () => {
  const secret = parseCloudConfig(file({ cloud: 'AzureChinaCloud', ...PRINCIPAL }), 'azure.json')
  assert.equal(secret.cloud, 'AzureChinaCloud')
  assert.ok(secret.credential.kind === 'secret')
  assert.equal(secret.credential.secret.reveal(), 'hunter2')
  const aks = { tenantId: 't', aadClientId: 'msi', aadClientSecret: 'msi', useManagedIdentityExtension: true }
  const identity = parseCloudConfig(
    file({ ...aks, userAssignedIdentityID: 'abc', extra: { any: 1 } }),
    'azure.json',
  )
  assert.deepEqual(identity.credential, { kind: 'managed-identity', id: 'abc' })
  assert.equal(identity.clusterIdentity, 'abc')
})

test('what is missing or wrong is named, and a secret never is', () => {
  const refused = (content: Buffer): string => {
    try {
      parseCloudConfig(content, '/etc/kubernetes/azure.json')
    } catch (thrown) {
      assert.ok(thrown instanceof OperatorError)
      assert.doesNotMatch(thrown.message, /hunter2/)
      return thrown.message
    }
    return assert.fail('it was accepted')
  }
  assert.match(refused(file({ tenantId: 't' })), /client id and client secret missing in .*azure\.json/)
  assert.match(refused(file({ ...PRINCIPAL, aadClientId: 'msi' })), /client id missing/)
  assert.match(
    refused(file({ ...PRINCIPAL, aadClientSecret: ['hunter2'] })),
    /aadClientSecret: expected string/,
  )
  assert.match(refused(Buffer.from('not json')), /azure\.json cannot be used/)
  assert.match(refused(Buffer.from('')), /azure\.json cannot be used/)
})

test('a certificate in azure.json is used when there is no secret, and its password does not print', () => {
  const text = {
    ...PRINCIPAL,
    aadClientSecret: '',
    aadClientCertPath: '/etc/c.pfx',
    aadClientCertPassword: 'hunter2',
  }
  const { credential } = parseCloudConfig(file(text), 'azure.json')
  assert.equal(credential.kind, 'certificate')
  assert.match(JSON.stringify(credential), /c\.pfx/)
  assert.doesNotMatch(JSON.stringify(credential), /hunter2/)
  assert.throws(() => parseCloudConfig(file({ ...text, tenantId: '' }), 'azure.json'), /tenant missing/)
})

test("the environment of the old chart's adminsecret is understood", () => {
  const nothing = {
    CLOUD: '',
    TENANT_ID: '',
    CLIENT_ID: '',
    CLIENT_SECRET: '',
    USE_MSI: '',
    USER_ASSIGNED_MSI_CLIENT_ID: '',
  }
  const msi = cloudConfigOf({ ...nothing, USE_MSI: 'true', USER_ASSIGNED_MSI_CLIENT_ID: 'abc' })
  assert.deepEqual(msi.credential, { kind: 'managed-identity', id: 'abc' })
  const principal = cloudConfigOf({ ...nothing, TENANT_ID: 't', CLIENT_ID: 'c', CLIENT_SECRET: 's' })
  assert.equal(principal.credential.kind, 'secret')
  assert.throws(() => cloudConfigOf(nothing), /USE_MSI=true/)
})
