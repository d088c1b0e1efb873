/** `podid keyvault-provider` as a process with its real command line, at the highest verbosity. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type CsiDriver, createCsiDriver } from '../../emulator/csi/driver.ts'
import { systemClock } from '../../src/base/clock.ts'
import { Owner } from '../../src/base/lifecycle.ts'
import { startConnectProxy } from '../harness/connect-proxy.ts'
import {
  API_VALUE,
  assertHidden,
  DB_VALUE,
  type KeyVaultWorld,
  mountOrder,
  startKeyVault,
} from '../harness/keyvault-world.ts'
import { APP, APP_SECRET } from '../harness/login-world.ts'
import { put } from '../harness/nmi-world.ts'
import { Happenings } from '../harness/system-happenings.ts'
import { type PodidProcess, startPodid } from '../harness/system-process.ts'
import { clientIdOf, makeAssigned, makeBinding, makeIdentity, makePod } from '../make/objects.ts'

interface ProviderProcess extends AsyncDisposable {
  readonly podid: PodidProcess
  readonly driver: CsiDriver
  readonly folder: string
}

/** The process beside the world's own provider, against the same Azure and node agent. */
async function startProcess(world: KeyVaultWorld, flags: readonly string[] = []): Promise<ProviderProcess> {
  const owner = new Owner()
  const folder = mkdtempSync(join(tmpdir(), 'podid-provider-process-'))
  owner.own(() => rmSync(folder, { recursive: true }))
  const proxy = await startConnectProxy()
  owner.own(() => proxy[Symbol.asyncDispose]())
  const { azure, nmi } = world.login
  const caFile = join(folder, 'ca.pem')
  const cloudFile = join(folder, 'cloud.json')
  writeFileSync(caFile, azure.caPem)
  writeFileSync(cloudFile, world.cloudFile)
  const socket = join(folder, 'azure.sock')
  const podid = startPodid(
    [
      'keyvault-provider',
      `--endpoint=unix://${socket}`,
      '--probe-address=127.0.0.1',
      '--healthz-port=0',
      '--prometheus-port=0',
      '--cloud-name=AzureStackCloud',
      `--metadata-endpoint=http://127.0.0.1:${azure.imds.doors[0]?.port ?? 0}`,
      `--pod-identity-endpoint=http://127.0.0.1:${nmi.port}`,
      '-v=10',
      ...flags,
    ],
    {
      happenings: new Happenings(),
      env: {
        NODE_EXTRA_CA_CERTS: caFile,
        AZURE_ENVIRONMENT_FILEPATH: cloudFile,
        HTTPS_PROXY: proxy.address,
      },
    },
  )
  owner.own(async () => void (await podid.stop()))
  // Whoever waits for a process that ended at once must not keep what he opened.
  await podid.line(/: started /).catch(async (thrown: unknown) => {
    await owner.close()
    throw thrown
  })
  // As with its --max-call-recv-msg-size of 8 MiB.
  const driver = createCsiDriver({ socket, clock: systemClock, maxAnswerBytes: 8 * 1024 * 1024 })
  owner.own(() => driver.close())
  return { podid, driver, folder, [Symbol.asyncDispose]: () => owner.close() }
}

/** No token of any kind, and none of what was used, is in the output. */
function assertSilent({ podid }: ProviderProcess, world: KeyVaultWorld): void {
  const output = podid.lines.join('\n')
  assert.doesNotMatch(output, /eyJ[\w-]{10,}/)
  assertHidden(world.login.secrets, output)
}

test('every way to log in through the command line; its log names pods and vaults, and no secret', async () => {
  await using world = await startKeyVault()
  const { stores } = world.login
  const identity = makeIdentity()
  put(stores.pods, makePod())
  put(stores.identities, identity)
  put(stores.bindings, makeBinding())
  put(stores.assigned, makeAssigned({ identity }))
  await using running = await startProcess(world)
  const { driver, folder, podid } = running
  assert.equal((await driver.version()).runtimeName, 'podid-keyvault-provider')
  const ways = {
    pod: {},
    workload: { parameters: await world.workload('shop') },
    node: {
      parameters: {
        usePodIdentity: 'false',
        useVMManagedIdentity: 'true',
        userAssignedIdentityID: clientIdOf('shop'),
      },
    },
  }
  for (const fields of Object.values(ways)) {
    const order = mountOrder({ ...fields, objects: ['db', 'api'] }, folder)
    await driver.mount(order)
    const texts = ['db', 'api'].map((name) => readFileSync(join(order.targetPath, name), 'utf8'))
    assert.deepEqual(texts, [DB_VALUE, API_VALUE])
    rmSync(order.targetPath, { recursive: true })
  }
  const refusals = [
    { parameters: { usePodIdentity: 'false' }, secrets: { clientid: APP, clientsecret: APP_SECRET } },
    { parameters: { usePodIdentity: 'false' }, secrets: { clientid: APP, clientsecret: `${APP_SECRET}!` } },
    { parameters: await world.workload('guest') },
    { parameters: await world.workload('shop', { exp: 1 }) },
    { objects: ['missing'] },
  ]
  for (const fields of refusals)
    await assert.rejects(driver.mount(mountOrder(fields, folder)), /rpc error: code = Unknown desc = failed/)
  await podid.stop()
  const output = podid.lines.join('\n')
  for (const login of ['pod-identity', 'workload-identity', 'vm-identity'])
    assert.match(
      output,
      new RegExp(`: mounted pod=default/shop-0 vault=shop-vault objects=2 login=${login} `),
    )
  assert.match(output, /: not mounted .*code=vault-forbidden/)
  assertSilent(running, world)
})

test('--max-answer-bytes lets a volume be as large as a driver takes that is set to take more', async () => {
  await using world = await startKeyVault()
  const names = Array.from({ length: 6 }, (_, index) => `big-${index}`)
  for (const name of names) world.rotate(name, `${name}-`.repeat(140_000))
  await using running = await startProcess(world, ['--max-answer-bytes=8388608'])
  const order = mountOrder({ parameters: await world.workload('shop'), objects: names }, running.folder)
  assert.deepEqual((await running.driver.mount(order)).files, names)
})

test('SIGTERM lets mounts under way end, takes the socket away, and ends with status 0', async () => {
  await using world = await startKeyVault()
  await using running = await startProcess(world)
  const { driver, folder, podid } = running
  const delay = { kind: 'latency', latency: { kind: 'fixed', ms: 1_000 } } as const
  world.login.azure.faults.add({ service: 'vault', effect: delay })
  const parameters = await world.workload('shop')
  const mounts = ['shop-0', 'shop-1', 'shop-2'].map((pod) =>
    driver.mount(mountOrder({ pod, parameters }, folder)),
  )
  while (world.asked() === 0) await new Promise((done) => setImmediate(done))
  podid.signal('SIGTERM')
  for (const mounted of await Promise.all(mounts)) assert.deepEqual(mounted.files, ['db'])
  assert.deepEqual(await podid.ended, { code: 0, signal: undefined })
  assert.match(podid.lines.join('\n'), /: stopping reason=/)
  assert.throws(() => readFileSync(join(folder, 'azure.sock')), /ENOENT/)
  assertSilent(running, world)
})

test('mounts that outlast the shutdown are cut, and the next provider answers the driver on the same socket', async () => {
  await using world = await startKeyVault()
  await using running = await startProcess(world, ['--shutdown-timeout=200ms'])
  const { driver, folder, podid } = running
  const parameters = await world.workload('shop')
  await driver.mount(mountOrder({ parameters }, folder))
  world.login.azure.faults.add({ service: 'vault', count: 1, effect: { kind: 'hang' } })
  world.forget()
  const left = new AbortController()
  const mount = driver.mount(mountOrder({ pod: 'shop-1', parameters, signal: left.signal }, folder))
  const refused = assert.rejects(mount, /Cancelled|Canceled/)
  while (world.asked() === 0) await new Promise((done) => setImmediate(done))
  podid.signal('SIGTERM')
  assert.deepEqual(await podid.ended, { code: 0, signal: undefined })
  left.abort()
  await refused
  assert.match(podid.lines.join('\n'), /: connections are cut at the stop mounts=1/)
  assert.throws(() => readFileSync(join(folder, 'volumes', 'shop-1', 'db')), /ENOENT/)
  assert.equal(readFileSync(join(folder, 'volumes', 'shop-0', 'db'), 'utf8'), DB_VALUE)
  assertSilent(running, world)
})
