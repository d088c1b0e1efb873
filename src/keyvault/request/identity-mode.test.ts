import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CLIENT_ID,
  mountMessage,
  serviceAccountTokens,
  TENANT_ID,
  TOKENS_KEY,
} from '../../../test/make/mount-messages.ts'
import { type Cloud, cloudByName } from '../../azure/clouds.ts'
import { errorText } from '../../base/errors.ts'
import type { MountFailureCode } from '../../model/mount-failures.ts'
import type { VaultLogin } from '../identity/vault-login.ts'
import { MountFailure } from '../mount-failure.ts'
import { chooseLogin } from './identity-mode.ts'
import { parseMountRequest } from './mount-request.ts'
import { readParameters } from './parameters.ts'

const TOKENS = serviceAccountTokens({ 'api://AzureADTokenExchange': 'eyJ.workload' })
const PRINCIPAL = { clientid: CLIENT_ID, clientsecret: 'pa55word' }
const NONE = { usePodIdentity: undefined }

interface Given {
  readonly secrets?: Readonly<Record<string, string>>
  readonly cloud?: string
  readonly rest?: Partial<Cloud>
}

function choose(parameters: Readonly<Record<string, string | undefined>>, given: Given = {}): VaultLogin {
  const { secrets, rest = {} } = given
  const request = parseMountRequest(
    mountMessage(parameters, secrets === undefined ? {} : { secretTexts: secrets }),
  )
  const cloud = cloudByName(given.cloud ?? '')
  assert.ok(cloud)
  return chooseLogin({
    request,
    parameters: readParameters(request.parameters),
    cloud: { ...cloud, ...rest },
  })
}

function fails(
  parameters: Readonly<Record<string, string | undefined>>,
  code: MountFailureCode,
  text: string,
  given?: Given,
): void {
  assert.throws(
    () => choose(parameters, given),
    (thrown) => {
      assert.ok(thrown instanceof MountFailure, String(thrown))
      assert.equal(thrown.message, text)
      assert.equal(thrown.code, code)
      assert.ok(!/eyJ|pa55word/.test(errorText(thrown)))
      return true
    },
  )
}

const RESOURCE = 'https://vault.azure.net'
const ENTRA = { loginOrigin: 'https://login.microsoftonline.com', tenantId: TENANT_ID, clientId: CLIENT_ID }

test('pod identity: of the pod, in the resource of the cloud', () => {
  const pod = { namespace: 'shop', name: 'web-0' }
  assert.deepEqual(choose({}), { kind: 'pod-identity', resource: RESOURCE, pod })
  assert.deepEqual(choose({}, { cloud: 'AzureChinaCloud' }).resource, 'https://vault.azure.cn')
})

test('a flag decides: what other ways need is then not looked at', () => {
  const odd = { clientID: 'not a guid', tenantID: 'not a tenant' }
  assert.equal(choose({ ...odd }).kind, 'pod-identity')
  assert.equal(choose({ clientID: CLIENT_ID }, { secrets: PRINCIPAL }).kind, 'pod-identity')
  assert.equal(choose({ ...odd, ...NONE, useVMManagedIdentity: 'true' }).kind, 'vm-identity')
})

test('VM identity: of the system, or the one with the client id', () => {
  const flag = { ...NONE, useVMManagedIdentity: 'true' }
  assert.deepEqual(choose(flag), { kind: 'vm-identity', resource: RESOURCE })
  assert.deepEqual(choose({ ...flag, userAssignedIdentityID: CLIENT_ID }), {
    kind: 'vm-identity',
    resource: RESOURCE,
    clientId: CLIENT_ID,
  })
  fails(
    { ...flag, userAssignedIdentityID: '/subscriptions/s/x' },
    'parameter-invalid',
    'failed to build auth config for mode VMManagedIdentity: userAssignedIdentityID "/subscriptions/s/x" is not the client id of an identity (a GUID)',
  )
})

test('workload identity: clientID and the token of its audience', () => {
  const login = choose({ ...NONE, clientID: CLIENT_ID, [TOKENS_KEY]: TOKENS })
  assert.ok(login.kind === 'workload-identity')
  const { assertion, ...rest } = login
  assert.equal(assertion.reveal(), 'eyJ.workload')
  assert.deepEqual(rest, { kind: 'workload-identity', resource: RESOURCE, ...ENTRA })
  // It goes before the credentials of a Secret, which may hold the tokens as well.
  const both = choose({ ...NONE, clientID: CLIENT_ID }, { secrets: { ...PRINCIPAL, [TOKENS_KEY]: TOKENS } })
  assert.equal(both.kind, 'workload-identity')
})

test('in other clouds their own audience serves before the public one', () => {
  const parameters = { ...NONE, clientID: CLIENT_ID }
  const own = serviceAccountTokens({
    'api://AzureADTokenExchange': 'eyJ.public',
    'api://AzureADTokenExchangeChina': 'eyJ.china',
  })
  for (const [tokens, expected] of [
    [own, 'eyJ.china'],
    [TOKENS, 'eyJ.workload'],
  ] as const) {
    const login = choose({ ...parameters, [TOKENS_KEY]: tokens }, { cloud: 'AzureChinaCloud' })
    assert.ok(login.kind === 'workload-identity')
    assert.equal(login.assertion.reveal(), expected)
    assert.equal(login.loginOrigin, 'https://login.chinacloudapi.cn')
  }
})

test('clientID without a token says so, unless a Secret has credentials', () => {
  const parameters = { ...NONE, clientID: CLIENT_ID }
  const text = 'failed to parse workload identity tokens, error: service account tokens not found'
  fails(parameters, 'service-account-token-missing', text)
  fails(parameters, 'service-account-token-missing', text, { secrets: { clientid: CLIENT_ID } })
  assert.equal(choose(parameters, { secrets: PRINCIPAL }).kind, 'service-principal')
  fails(
    { ...parameters, [TOKENS_KEY]: serviceAccountTokens({ 'api://AKSIdentityBinding': 'eyJ' }) },
    'service-account-token-missing',
    'failed to parse workload identity tokens, error: token for audience api://AzureADTokenExchange not found',
  )
})

test('service principal: keys in any case', () => {
  for (const secrets of [PRINCIPAL, { ClientID: ` ${CLIENT_ID}\n`, CLIENTSECRET: 'pa55word' }]) {
    const login = choose(NONE, { secrets: { ...secrets, [TOKENS_KEY]: TOKENS } })
    assert.ok(login.kind === 'service-principal')
    const { secret, ...rest } = login
    assert.equal(secret.reveal(), 'pa55word')
    assert.deepEqual(rest, { kind: 'service-principal', resource: RESOURCE, ...ENTRA })
  }
})

test('no way to log in is told in the old words', () => {
  const wrapped = 'failed to build auth config for mode None: no identity mode is enabled: '
  const unset = `${wrapped}failed to get credentials, nodePublishSecretRef secret is not set`
  fails(NONE, 'identity-mode-missing', unset)
  fails(NONE, 'identity-mode-missing', unset, { secrets: { [TOKENS_KEY]: TOKENS } })
  fails(NONE, 'identity-mode-missing', `${wrapped}could not find clientid in secrets`, {
    secrets: { clientsecret: 'pa55word' },
  })
  fails(NONE, 'identity-mode-missing', `${wrapped}could not find clientsecret in secrets`, {
    secrets: { clientid: CLIENT_ID, clientsecret: '' },
  })
  fails(
    { ...NONE, clientId: CLIENT_ID, usePodidentity: 'true' },
    'identity-mode-missing',
    `${unset} (usePodidentity is given: it is written usePodIdentity; clientId is given: it is written clientID)`,
  )
})

test('identity binding of AKS is refused with what to use', () => {
  for (const more of [{}, { clientID: CLIENT_ID, [TOKENS_KEY]: TOKENS }])
    assert.throws(() => choose({ ...NONE, useAzureTokenProxy: 'true', ...more }), {
      code: 'parameter-invalid',
      message: /^failed to build auth config for mode AzureTokenProxy: useAzureTokenProxy is not supported/,
    })
})

test('tenants and clients that cannot be are refused where they are used', () => {
  const parameters = { ...NONE, clientID: CLIENT_ID, [TOKENS_KEY]: TOKENS }
  for (const tenantID of ['contoso.onmicrosoft.com', 'adfs', TENANT_ID])
    assert.equal(choose({ ...parameters, tenantID }).kind, 'workload-identity')
  for (const tenantID of ['common', 'a/b.c', 'a.b?x', '../x.y', 'a..b', '.a.b', `${'a'.repeat(64)}.b`])
    fails(
      { ...parameters, tenantID },
      'parameter-invalid',
      `failed to build auth config for mode None: tenantID "${tenantID}" is neither a GUID nor a domain name nor adfs`,
    )
  fails(
    { ...parameters, clientID: 'my-identity' },
    'parameter-invalid',
    'failed to build auth config for mode None: clientID "my-identity" is not the client id of an identity (a GUID)',
  )
  fails(
    NONE,
    'identity-mode-missing',
    'failed to build auth config for mode None: clientid of the nodePublishSecretRef secret is not a client id (a GUID)',
    { secrets: { ...PRINCIPAL, clientid: 'pa55word' } },
  )
  assert.equal(choose({ ...parameters, tenantID: 'adfs', clientID: 'my-app' }).kind, 'workload-identity')
})

test('a cloud without a token resource of Key Vault is refused', () => {
  fails({}, 'parameter-invalid', 'the cloud AzurePublicCloud names no token resource of Key Vault', {
    rest: { keyVaultResource: '' },
  })
})
