import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imdsRequest, operationOf } from './imds-request.ts'
import { parseTarget, rememberTargets, type Target } from './request-target.ts'

const TOKEN = '/metadata/identity/oauth2/token'

function targetOf(raw: string): Target {
  const { target, refusal } = parseTarget(raw)
  assert.ok(target !== undefined, `${raw} was refused: ${refusal?.message ?? ''}`)
  return target
}

function codeOf(raw: string): string | undefined {
  return parseTarget(raw).refusal?.code
}

test('every spelling of the token path that an SDK sends is the token path', () => {
  for (const path of [
    TOKEN,
    `${TOKEN}/`,
    `/${TOKEN}`,
    `/${TOKEN}/`,
    '/Metadata/identity/oauth2/token',
    '/METADATA/Identity/OAuth2/TOKEN',
    '/metadata//identity///oauth2/token//',
    '/metadata/identity/oauth2/%74oken',
    `http://169.254.169.254${TOKEN}`,
    `HTTP://169.254.169.254:80${TOKEN}/`,
  ]) {
    assert.equal(targetOf(`${path}?resource=r`).kind, 'token', path)
  }
})

test('a path that two readers could read in two ways is refused', () => {
  for (const path of [
    '/metadata/identity\\oauth2\\token',
    '/metadata/identity%5coauth2%5Ctoken',
    '/metadata/identity%2foauth2/token',
    '/metadata/identity/oauth2/%2574oken',
    '/metadata/identity/oauth2/token%00',
    '/metadata/identity/oauth2/token%20',
    '/metadata/identity/oauth2/token%',
    '/metadata/identity/oauth2/token%7',
    '/metadata/identity/oauth2/token%zz',
    '/metadata/instance/../identity/oauth2/token',
    '/metadata/./identity/oauth2/token',
    '/metadata/instance/%2e%2e/identity/oauth2/token',
    '/metadata/instance/.../compute',
    '/metadata;x=1/identity/oauth2/token',
    '/metadata/identity/oauth2/token;/',
    '/metadata/identity/oauth2/token%3b',
    '/metadata/identity/oauth2/token%ef%bc%8f',
    '/metadata/identity/oauth2/token\u0000',
    '/metadata/identity/oauth2/tok\u0065\u0301n',
    '/metadata/identity/oauth2/token#x',
    `http://user@169.254.169.254${TOKEN}`,
    `http://169.254.169.254.example.com${TOKEN}`,
    `http://example.com${TOKEN}`,
    `https://169.254.169.254${TOKEN}`,
    'http://169.254.169.254',
    '169.254.169.254:80',
    '*',
    '',
    'metadata/identity/oauth2/token',
    `${TOKEN}?resource=${'x'.repeat(8192)}`,
    `/${'a/'.repeat(17)}`,
    `/metadata/instance/${'a'.repeat(65)}`,
  ]) {
    assert.equal(codeOf(path), 'bad-target', JSON.stringify(path))
  }
})

test('what only looks like the token path is refused as malformed, as the old guard did', () => {
  assert.equal(codeOf('/metadata/identity/oauth2/token/extra'), 'bad-target')
  assert.equal(codeOf('/metadata/identity/oauth2/tokens'), 'bad-target')
  assert.equal(codeOf('/metadata/x/identity/oauth2/token'), 'bad-target')
})

test('credential paths and everything unknown are not there, in any spelling', () => {
  for (const path of [
    '/metadata/identity/getplatformmetadata?cred-api-version=2.0',
    '/metadata/identity/issuecredential?cred-api-version=2.0',
    '/metadata/identity/credential?cred-api-version=1.0',
    '//Metadata/Identity/IssueCredential/',
    '/metadata/identity/%69ssuecredential',
    '/metadata/identity',
    '/metadata',
    '/',
    '/metadata/attested',
    '/metadata/versions/x',
    '/metadata/instance/compute/a~b',
    '/healthz',
    '/host/tokens',
  ]) {
    assert.equal(codeOf(path), 'path-unknown', path)
  }
})

test('a resource is taken exactly as sent, encoded or raw', () => {
  const of = (query: string) => {
    const target = targetOf(`${TOKEN}?${query}`)
    return target.kind === 'token' ? target.resource : undefined
  }
  assert.equal(of('resource=https%3A%2F%2Fvault.azure.net'), 'https://vault.azure.net')
  assert.equal(of('resource=https://vault.azure.net/&client_id=c'), 'https://vault.azure.net/')
  assert.equal(of('%72esource=r'), 'r')
  assert.equal(of('resource=a+b%2Bc'), 'a b+c')
  assert.equal(of('resource=a=b'), 'a=b')
  assert.equal(of('resource='), '')
  assert.equal(of(''), '')
})

test('each name of a selector is understood, and an empty one is absent', () => {
  const of = (query: string) => {
    const target = targetOf(`${TOKEN}?resource=r&${query}`)
    return target.kind === 'token' ? target.selector : undefined
  }
  assert.deepEqual(of('client_id=c'), { clientId: 'c' })
  assert.deepEqual(of('msi_res_id=%2Fsubscriptions%2Fs'), { resourceId: '/subscriptions/s' })
  assert.deepEqual(of('mi_res_id=/subscriptions/s'), { resourceId: '/subscriptions/s' })
  assert.deepEqual(of('object_id=o'), { objectId: 'o' })
  assert.deepEqual(of('principal_id=o'), { objectId: 'o' })
  assert.deepEqual(of('client_id=&msi_res_id=%20'), {})
  assert.deepEqual(of('xms_cc=cp1&xms_cc=cp2&%ff=1x&api-version=2018-02-01'.replace('%ff', 'new')), {})
})

test('a known name that stands twice, and two selectors at once, are refused', () => {
  assert.equal(codeOf(`${TOKEN}?resource=a&resource=b`), 'request-invalid')
  assert.equal(codeOf(`${TOKEN}?resource=a&%72esource=a`), 'request-invalid')
  assert.equal(codeOf(`${TOKEN}?resource=a&client_id=x&CLIENT_ID=y`), 'request-invalid')
  assert.equal(codeOf(`${TOKEN}?resource=a&client_id=x&object_id=y`), 'request-invalid')
  assert.equal(codeOf(`${TOKEN}?resource=a&msi_res_id=x&mi_res_id=x`), 'request-invalid')
})

test('a value with a broken encoding, a control character or too much text is refused', () => {
  assert.equal(codeOf(`${TOKEN}?resource=%zz`), 'request-invalid')
  assert.equal(codeOf(`${TOKEN}?resource=%c0%af`), 'request-invalid')
  assert.equal(codeOf(`${TOKEN}?resource=a%00`), 'request-invalid')
  assert.equal(codeOf(`${TOKEN}?resource=a%0d%0ab`), 'request-invalid')
  assert.equal(codeOf(`${TOKEN}?client_id=%e2%80%ae`), 'request-invalid')
  assert.equal(codeOf(`${TOKEN}?resource=${'r'.repeat(1025)}`), 'request-invalid')
  assert.equal(codeOf(`${TOKEN}?${'a&'.repeat(64)}a`), 'request-invalid')
})

test('the hash of a refused token is understood when it is one', () => {
  const hash = 'AB'.repeat(32)
  const target = targetOf(`${TOKEN}?resource=r&token_sha256_to_refresh=${hash}`)
  assert.deepEqual(target, {
    kind: 'token',
    resource: 'r',
    selector: {},
    refusedTokenSha256: hash.toLowerCase(),
  })
  assert.deepEqual(targetOf(`${TOKEN}?resource=r&token_sha256_to_refresh=nonsense`), {
    kind: 'token',
    resource: 'r',
    selector: {},
  })
})

test('metadata is asked of IMDS by a path that is built anew', () => {
  const of = (raw: string) => {
    const target = targetOf(raw)
    return target.kind === 'metadata' ? imdsRequest(target) : undefined
  }
  assert.equal(
    of('//METADATA/Instance//compute/vmScaleSetName/?api-version=2021-02-01&format=text&evil=/../x'),
    '/metadata/instance/compute/vmScaleSetName?api-version=2021-02-01&format=text',
  )
  assert.equal(of('/metadata/instance?api-version=2021-02-01'), '/metadata/instance?api-version=2021-02-01')
  assert.equal(of('/metadata/versions'), '/metadata/versions')
  assert.equal(
    of('/Metadata/Identity/Info?api-version=2018-02-01'),
    '/metadata/identity/info?api-version=2018-02-01',
  )
  assert.equal(
    of('/metadata/attested/document?api-version=2020-09-01&nonce=1234567890'),
    '/metadata/attested/document?api-version=2020-09-01&nonce=1234567890',
  )
  assert.equal(
    of('/metadata/scheduledevents?api-version=2020-07-01'),
    '/metadata/scheduledevents?api-version=2020-07-01',
  )
  assert.equal(
    of('/metadata/loadbalancer?api-version=2020-10-01'),
    '/metadata/loadbalancer?api-version=2020-10-01',
  )
})

test('a parameter that goes on to IMDS has the form that IMDS documents, or the request is refused', () => {
  for (const query of [
    'api-version=latest',
    'api-version=2021-02-01%26x',
    'format=js%20on',
    'format=',
    'nonce=a-b',
  ]) {
    assert.equal(codeOf(`/metadata/instance?${query}`), 'request-invalid', query)
  }
})

test('an operation is named from a fixed list, whatever the spelling', () => {
  assert.equal(operationOf(targetOf(`/${TOKEN}/?resource=r`)), TOKEN)
  assert.equal(operationOf(targetOf('/HOST/token?resource=r')), '/host/token')
  assert.equal(operationOf(targetOf('/metadata/instance/compute/vmId')), '/metadata/instance')
  assert.equal(operationOf(undefined), 'other')
})

test('a remembered target reads like a fresh one, also after more targets than are remembered', () => {
  const read = rememberTargets()
  for (let round = 0; round < 2; round += 1) {
    for (let i = 0; i < 600; i += 1) {
      const raw = i % 2 === 0 ? `${TOKEN}?resource=r${i}` : `/metadata/x${i}`
      assert.deepEqual(read(raw), parseTarget(raw))
    }
  }
})
