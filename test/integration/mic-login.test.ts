import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type AzureEmulator, startAzureEmulator } from '../../emulator/azure/emulator.ts'
import { createLogin, type LearningCredential } from '../../src/azure/arm-login.ts'
import type { ArmCredential } from '../../src/azure/cloud-config.ts'
import { customCloud } from '../../src/azure/clouds.ts'
import { systemClock } from '../../src/base/clock.ts'
import { SecretString } from '../../src/base/secret.ts'
import { readPkcs12 } from '../../src/tokens/pkcs12.ts'
import { makeCertificate, makePkcs12 } from '../make/certificates.ts'
import { clientIdOf, TENANT } from '../make/objects.ts'

const SCOPE = 'https://management.azure.com/.default'
const OBJECT_ID = 'd0d0d0d0-0000-4000-8000-000000000001'
const clientId = clientIdOf('mic')
const leaf = makeCertificate({ name: 'mic' })

let azure: AzureEmulator
// Hooks of a file itself would run for every test of the process: all files share one.
describe('logins of MIC', () => {
  before(async () => {
    azure = await startAzureEmulator({
      seed: {
        tenant: TENANT,
        apps: [{ clientId, objectId: OBJECT_ID, secret: 'right', certificate: leaf.certificatePem }],
      },
    })
  })
  after(() => azure.close())

  function login(credential: ArmCredential): LearningCredential {
    const environment = { activeDirectoryEndpoint: azure.entraUrl, resourceManagerEndpoint: azure.armUrl }
    return createLogin(credential, customCloud(Buffer.from(JSON.stringify(environment))), {
      clock: systemClock,
      openCertificate: ({ password }) =>
        readPkcs12(makePkcs12({ key: leaf, certificates: [leaf] }, 'open'), password),
      ca: azure.caPem,
    })
  }

  const byCertificate = (password: string): ArmCredential => ({
    kind: 'certificate',
    tenantId: TENANT,
    clientId,
    file: 'mic.pfx',
    password: new SecretString(password),
  })

  test('MIC logs in with a secret or a certificate through the SDK, and learns who it is', async () => {
    const secret = new SecretString('right')
    for (const credential of [
      { kind: 'secret', tenantId: TENANT, clientId, secret } as const,
      byCertificate('open'),
    ]) {
      const arm = login(credential)
      assert.deepEqual(arm.login(), { clientId, objectId: '', resourceId: '' })
      const token = await arm.getToken(SCOPE)
      assert.ok((token?.expiresOnTimestamp ?? 0) > systemClock.now(), credential.kind)
      assert.deepEqual(arm.login(), { clientId, objectId: OBJECT_ID, resourceId: '' })
    }
  })

  test('a certificate that does not open and a wrong secret say so, without the password', async () => {
    await assert.rejects(login(byCertificate('hunter2')).getToken(SCOPE), (error) => {
      assert.doesNotMatch(String(error), /hunter2/)
      return true
    })
    const wrong = new SecretString('hunter2')
    await assert.rejects(
      login({ kind: 'secret', tenantId: TENANT, clientId, secret: wrong }).getToken(SCOPE),
      (error) => {
        assert.match(String(error), /AADSTS7000215/)
        assert.doesNotMatch(String(error), /hunter2/)
        return true
      },
    )
  })
})
