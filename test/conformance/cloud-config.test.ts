import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseCloudConfig } from '../../src/azure/cloud-config.ts'
import { systemClock } from '../../src/base/clock.ts'
import { Owner } from '../../src/base/lifecycle.ts'
import { cloudNamed } from '../../src/cli/cloud.ts'
import { flagCommand, flagValues } from '../../src/cli/flag-command.ts'
import { openArm } from '../../src/cli/mic/arm.ts'
import { MIC_FLAGS } from '../../src/cli/mic-flags.ts'
import { type Log, silentLog } from '../../src/telemetry/log.ts'
import { createMicMetrics } from '../../src/telemetry/mic-metrics.ts'
import { createRegistry } from '../../src/telemetry/registry.ts'

const azureJson = (clusterIdentity: string, fields: Record<string, unknown> = {}): string =>
  JSON.stringify({
    cloud: 'AzurePublicCloud',
    useManagedIdentityExtension: true,
    userAssignedIdentityID: clusterIdentity,
    ...fields,
  })

test('what azure.json says of subscription, group and VM type is accepted and not needed', () => {
  const more = {
    subscriptionId: 's',
    resourceGroup: 'g',
    vmType: 'vmss',
    securityGroupName: 'nsg',
    location: 'x',
  }
  const read = (text: string) => parseCloudConfig(Buffer.from(text), 'azure.json')
  assert.deepEqual(read(azureJson('kubelet', more)), read(azureJson('kubelet')))
})

test('a custom cloud is read from the file that AZURE_ENVIRONMENT_FILEPATH names', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'akscustom.json')
  await writeFile(
    file,
    JSON.stringify({
      name: 'AzureStackCloud',
      activeDirectoryEndpoint: 'https://login.stack.example/',
      resourceManagerEndpoint: 'https://management.stack.example/',
    }),
  )
  const environment = { AZURE_ENVIRONMENT_FILEPATH: file }
  assert.equal(
    (await cloudNamed('AzureStackCloud', environment)).armOrigin,
    'https://management.stack.example',
  )
  await assert.rejects(cloudNamed('AzureStackCloud', {}), /AZURE_ENVIRONMENT_FILEPATH/)
})

/** Collects messages and tells when the next one comes. */
function listeningLog(): { log: Log; next: (text: string) => Promise<void> } {
  const seen: string[] = []
  let wake = (): void => {}
  const take = (_: unknown, message: string): void => {
    seen.push(message)
    wake()
  }
  return {
    log: { ...silentLog, info: take, error: take },
    async next(text) {
      for (;;) {
        const at = seen.findIndex((message) => message.includes(text))
        if (at >= 0) {
          seen.splice(at, 1)
          return
        }
        const { promise, resolve } = Promise.withResolvers<undefined>()
        wake = () => resolve(undefined)
        await promise
      }
    },
  }
}

test('a written azure.json is used without a restart, and one that cannot be read is not', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'azure-json-'))
  const owner = new Owner()
  t.after(async () => {
    await owner.close()
    await rm(folder, { recursive: true })
  })
  const file = join(folder, 'azure.json')
  await writeFile(file, azureJson('before'))
  const command = flagCommand('mic', '', MIC_FLAGS).exitOverride()
  command.parse([`--cloudconfig=${file}`], { from: 'user' })
  const { log, next } = listeningLog()
  const arm = await openArm({
    flags: flagValues(command, MIC_FLAGS, {}),
    environment: {},
    clock: systemClock,
    log,
    metrics: createMicMetrics(createRegistry()),
    owner,
  })
  const replace = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  assert.equal(arm.clusterIdentity(), 'before')
  await replace(azureJson('after'))
  await next('read again')
  assert.equal(arm.clusterIdentity(), 'after')
  await replace('{')
  await next('cannot be used')
  assert.equal(arm.clusterIdentity(), 'after')
})
