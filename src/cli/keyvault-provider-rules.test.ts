import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { cloudNamed } from './cloud.ts'
import { rulesOf } from './keyvault-provider-rules.ts'

const flagsWith = (cloudName: string) => ({
  'cloud-name': cloudName,
  'cloud-env-folder': '/etc/kubernetes',
  'vm-managed-identity': true,
})

/** What the old provider needed of a file. */
const FOUR_FIELDS = {
  name: 'Lab',
  activeDirectoryEndpoint: 'https://login.lab.example/',
  keyVaultEndpoint: 'https://vault.lab.example/',
  keyVaultDNSSuffix: 'vault.lab.example',
}

async function fileWith(t: TestContext, content: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'podid-rules-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'cloud.json'), JSON.stringify(content))
  return join(folder, 'cloud.json')
}

test('an empty AZURE_ENVIRONMENT_FILEPATH is none', async () => {
  const environment = { AZURE_ENVIRONMENT_FILEPATH: '' }
  const rules = await rulesOf(flagsWith('AzurePublicCloud'), environment)
  assert.equal(rules.stackCloud, undefined)
  assert.equal(rules.defaultCloud.name, 'AzurePublicCloud')
  await assert.rejects(rulesOf(flagsWith('AzureStackCloud'), environment), {
    name: 'OperatorError',
    message: /the cloud AzureStackCloud is not known: .* with AZURE_ENVIRONMENT_FILEPATH$/,
  })
})

test('a file without Resource Manager is enough for vaults, and not for who asks it', async (t) => {
  const environment = { AZURE_ENVIRONMENT_FILEPATH: await fileWith(t, FOUR_FIELDS) }
  const { defaultCloud, stackCloud } = await rulesOf(flagsWith('azurestackcloud'), environment)
  assert.equal(defaultCloud, stackCloud)
  assert.equal(defaultCloud.keyVaultSuffix, 'vault.lab.example')
  await assert.rejects(
    cloudNamed('AzureStackCloud', environment),
    /resourceManagerEndpoint is missing or not a text$/,
  )
})
