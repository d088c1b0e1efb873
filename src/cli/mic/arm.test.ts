import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { Owner } from '../../base/lifecycle.ts'
import type { Log } from '../../telemetry/log.ts'
import { silentLog } from '../../telemetry/log.ts'
import { createMicMetrics } from '../../telemetry/mic-metrics.ts'
import { createRegistry } from '../../telemetry/registry.ts'
import { openArm } from './arm.ts'
import type { MicFlags } from './config.ts'

const azureJson = (clientId: string): string =>
  JSON.stringify({
    cloud: 'AzurePublicCloud',
    tenantId: 't',
    aadClientId: clientId,
    aadClientSecret: 'not-a-secret',
    userAssignedIdentityID: 'kubelet',
  })

async function opened(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'podid-arm-'))
  const file = join(folder, 'azure.json')
  await writeFile(file, azureJson('one'))
  const clock = new FakeClock()
  const owner = new Owner()
  const told: string[] = []
  const log: Log = {
    ...silentLog,
    info: (_, text) => told.push(text),
    error: (_, text) => told.push(text),
  }
  t.after(async () => {
    await owner.close()
    await rm(folder, { recursive: true })
  })
  const flags = { cloudconfig: file, 'arm-calls-per-hour': 10, 'custom-user-agent': '' } as MicFlags
  const metrics = createMicMetrics(createRegistry())
  const arm = await openArm({ flags, environment: {}, clock, log, metrics, owner })
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text)
  /** Lets what the watch starts happen until it holds; one write may be seen as several events. */
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      await turn()
      if (clock.timers > 0) await clock.advance(200)
    }
  }
  return { arm, clock, owner, told, until, write }
}

test('a changed azure.json is in force, and one that cannot be used leaves the last good one', async (t) => {
  const { arm, told, until, write } = await opened(t)
  assert.equal(arm.login().clientId, 'one')
  await write('azure.json', azureJson('two'))
  await until(() => arm.login().clientId === 'two')
  told.length = 0
  await write('azure.json', '{')
  await until(() => told.some((text) => text.includes('the last one stays in force')))
  assert.equal(arm.login().clientId, 'two')
  assert.equal(arm.clusterIdentity(), 'kubelet')
})

test('another file of the folder is no new configuration', async (t) => {
  const { clock, owner, told, write } = await opened(t)
  await write('kubelet.conf', 'x')
  while (clock.timers === 0) await turn()
  await clock.advance(200)
  await owner.close()
  assert.deepEqual(told, [])
})
