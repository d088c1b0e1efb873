import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OperatorError } from '../base/errors.ts'
import { cloudByName, customCloud, httpsOrigin, isKnownAuthority, knownClouds } from './clouds.ts'

/** Registered domains of the public cloud; a sovereign cloud must name none of them. */
const PUBLIC = [
  'microsoftonline.com',
  'windows.net',
  'microsoft.com',
  'azure.com',
  'azure.net',
  'AzureADTokenExchange"',
]

function endpointTexts(name: string): string {
  const cloud = cloudByName(name)
  assert.ok(cloud !== undefined)
  return JSON.stringify(cloud)
}

test('no address of the public cloud stands in another cloud', () => {
  for (const { name } of knownClouds()) {
    if (name === 'AzurePublicCloud') continue
    for (const domain of PUBLIC) assert.ok(!endpointTexts(name).includes(domain), `${name} names ${domain}`)
  }
  for (const domain of PUBLIC) assert.ok(endpointTexts('AzurePublicCloud').includes(domain), domain)
})

test('no two clouds share an address', () => {
  const seen = new Map<string, string>()
  for (const cloud of knownClouds()) {
    const texts = [
      cloud.loginOrigin,
      ...cloud.loginAliases,
      cloud.armOrigin,
      ...cloud.armAudiences,
      cloud.keyVaultSuffix,
      cloud.keyVaultResource,
      cloud.storageSuffix,
    ]
    for (const text of texts) {
      assert.equal(seen.get(text), undefined, `${text} in ${cloud.name} and ${seen.get(text)}`)
      seen.set(text, cloud.name)
    }
  }
})

test('every address has the form that its field promises', () => {
  for (const cloud of knownClouds()) {
    for (const origin of [cloud.loginOrigin, ...cloud.loginAliases, cloud.armOrigin])
      assert.equal(httpsOrigin(origin), origin)
    for (const suffix of [cloud.keyVaultSuffix, cloud.storageSuffix])
      assert.match(suffix, /^[a-z][a-z.]+[a-z]$/)
    assert.doesNotMatch(cloud.keyVaultResource, /\/$/)
  }
})

test('a cloud is found without case, under the names of azure.json and of the CLI, and public by default', () => {
  assert.equal(cloudByName('AZUREPUBLICCLOUD')?.name, 'AzurePublicCloud')
  assert.equal(cloudByName('azurecloud')?.name, 'AzurePublicCloud')
  assert.equal(cloudByName('')?.name, 'AzurePublicCloud')
  assert.equal(cloudByName('AzureUSGovernment')?.name, 'AzureUSGovernmentCloud')
  assert.equal(cloudByName('AzureChinaCloud')?.loginOrigin, 'https://login.chinacloudapi.cn')
  assert.equal(cloudByName('AzureGermanCloud')?.closed, true)
  assert.equal(cloudByName('AzureStackCloud'), undefined)
  assert.equal(cloudByName('Marsbase'), undefined)
})

test('a custom cloud comes from a go-autorest environment file', () => {
  const file = {
    name: 'Lab',
    activeDirectoryEndpoint: 'https://login.lab.example/',
    resourceManagerEndpoint: 'https://management.lab.example/',
    serviceManagementEndpoint: 'https://management.core.lab.example/',
    tokenAudience: 'https://management.tenant.lab.example/',
    keyVaultDNSSuffix: '.vault.lab.example',
    storageEndpointSuffix: 'core.lab.example',
    galleryEndpoint: 'https://gallery.lab.example/',
  }
  const cloud = customCloud(Buffer.from(`\uFEFF${JSON.stringify(file)}`))
  assert.deepEqual(cloud, {
    name: 'Lab',
    loginOrigin: 'https://login.lab.example',
    loginAliases: [],
    armOrigin: 'https://management.lab.example',
    armAudiences: [
      'https://management.tenant.lab.example/',
      'https://management.core.lab.example/',
      'https://management.lab.example/',
    ],
    keyVaultSuffix: 'vault.lab.example',
    keyVaultResource: 'https://vault.lab.example',
    storageSuffix: 'core.lab.example',
    exchangeAudience: '',
    closed: false,
  })
  for (const domain of PUBLIC) assert.ok(!JSON.stringify(cloud).includes(domain))
})

test('a file without Resource Manager is a cloud for who does not ask it', () => {
  const file = {
    name: 'Lab',
    activeDirectoryEndpoint: 'https://login.lab.example/',
    keyVaultEndpoint: 'https://vault.lab.example/',
    keyVaultDNSSuffix: 'vault.lab.example',
  }
  const cloud = customCloud(Buffer.from(JSON.stringify(file)), { arm: false })
  assert.deepEqual([cloud.armOrigin, cloud.armAudiences], ['', []])
  assert.equal(cloud.keyVaultResource, 'https://vault.lab.example')
  const odd = { ...file, resourceManagerEndpoint: 'http://management.lab.example' }
  assert.equal(customCloud(Buffer.from(JSON.stringify(odd)), { arm: false }).armOrigin, '')
})

test('a broken environment file is an error that names the field', () => {
  const cases: [string, RegExp][] = [
    ['no json', /: the whole file is not a JSON object$/],
    [
      '{"resourceManagerEndpoint":"https://a.example/"}',
      /: activeDirectoryEndpoint is missing or not a text$/,
    ],
    [
      '{"activeDirectoryEndpoint":"https://a.example/"}',
      /: resourceManagerEndpoint is missing or not a text$/,
    ],
    [
      '{"activeDirectoryEndpoint":"https://a.example/","keyVaultEndpoint":1}',
      /: keyVaultEndpoint is missing or not a text$/,
    ],
    [
      '{"activeDirectoryEndpoint":"https://a.example/","resourceIdentifiers":1}',
      /: resourceIdentifiers is missing or not an object$/,
    ],
    [
      '{"activeDirectoryEndpoint":"http://a.example/","resourceManagerEndpoint":"https://a.example/"}',
      /active.*https/,
    ],
    [
      '{"activeDirectoryEndpoint":"https://a.example/adfs","resourceManagerEndpoint":"https://a.example/"}',
      /active/,
    ],
  ]
  for (const [text, message] of cases)
    assert.throws(
      () => customCloud(Buffer.from(text)),
      (thrown) => thrown instanceof OperatorError && message.test(thrown.message),
      text,
    )
})

test('only plain https addresses are origins', () => {
  assert.equal(httpsOrigin('https://Login.Example/'), 'https://login.example')
  assert.equal(httpsOrigin('https://login.example:8443'), 'https://login.example:8443')
  for (const text of [
    'http://login.example',
    'https://login.example/path',
    'https://login.example/?q',
    'https://user@login.example/',
    'login.example',
    'file:///etc/passwd',
    '',
  ])
    assert.equal(httpsOrigin(text), undefined, text)
})

test('authorities of built-in clouds are known under all their names', () => {
  assert.ok(isKnownAuthority('https://login.microsoftonline.com'))
  assert.ok(isKnownAuthority('https://login.partner.microsoftonline.cn'))
  assert.ok(!isKnownAuthority('https://login.microsoftonline.com.evil.example'))
})
