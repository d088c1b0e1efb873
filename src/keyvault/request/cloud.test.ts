import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { type Cloud, cloudByName, customCloud } from '../../azure/clouds.ts'
import { MountFailure } from '../mount-failure.ts'
import { type CloudChoices, cloudOfMount } from './cloud.ts'

const ENVIRONMENT = {
  name: 'HybridEnvironment',
  activeDirectoryEndpoint: 'https://login.stack.test/',
  resourceManagerEndpoint: 'https://management.stack.test/',
  keyVaultEndpoint: 'https://vault.stack.test/',
  keyVaultDNSSuffix: 'vault.stack.test',
}

let root = ''
let folder = ''
const signal = new AbortController().signal

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'podid-cloud-'))
  folder = join(root, 'kubernetes')
  await mkdir(join(folder, 'sub'), { recursive: true })
  await mkdir(join(root, 'kubernetes-other'))
  await writeFile(join(folder, 'stack.json'), JSON.stringify(ENVIRONMENT))
  await writeFile(join(folder, 'sub', 'deep.json'), JSON.stringify({ ...ENVIRONMENT, name: 'Deep' }))
  await writeFile(join(folder, 'broken.json'), '"s3cret-of-the-operator"')
  const { resourceManagerEndpoint: _, ...fields } = ENVIRONMENT
  await writeFile(join(folder, 'four-fields.json'), JSON.stringify(fields))
  await writeFile(join(folder, 'no-login.json'), '{"keyVaultDNSSuffix":"s3cret"}')
  await writeFile(join(folder, 'large.json'), Buffer.alloc(64 * 1024 + 1, ' '))
  await writeFile(join(root, 'outside.json'), JSON.stringify(ENVIRONMENT))
  await writeFile(join(root, 'kubernetes-other', 'a.json'), JSON.stringify(ENVIRONMENT))
  await symlink('stack.json', join(folder, 'inner-link.json'))
  await symlink(join(root, 'outside.json'), join(folder, 'outer-link.json'))
  await symlink(folder, join(root, 'linked-folder'))
  await symlink('/dev/zero', join(folder, 'device'))
  execFileSync('sh', ['-c', 'mkfifo "$0"', join(folder, 'pipe')])
})

after(() => rm(root, { recursive: true }))

function builtIn(name: string): Cloud {
  const cloud = cloudByName(name)
  assert.ok(cloud)
  return cloud
}

function choices(rest: Partial<CloudChoices> = {}): CloudChoices {
  const clock = new FakeClock()
  return { defaultCloud: builtIn(''), environmentFolder: folder, clock, ...rest }
}

function pick(cloudName: string, cloudEnvFileName = '', rest: Partial<CloudChoices> = {}): Promise<Cloud> {
  return cloudOfMount({ cloudName, cloudEnvFileName }, choices(rest), signal)
}

async function fails(file: string, text: RegExp, rest: Partial<CloudChoices> = {}): Promise<void> {
  await assert.rejects(pick('AzureStackCloud', file, rest), (thrown) => {
    assert.ok(thrown instanceof MountFailure, String(thrown))
    assert.equal(thrown.code, 'parameter-invalid')
    assert.match(thrown.message, text)
    assert.ok(!thrown.message.includes('s3cret'))
    return true
  })
}

test('the cloud of the class, else that of the process', async () => {
  assert.equal((await pick('azureusgovernmentcloud')).name, 'AzureUSGovernmentCloud')
  assert.equal((await pick('AzureUSGovernment')).name, 'AzureUSGovernmentCloud')
  assert.equal((await pick('')).name, 'AzurePublicCloud')
  assert.equal((await pick('', '', { defaultCloud: builtIn('AzureChinaCloud') })).name, 'AzureChinaCloud')
  assert.equal((await pick('AzurePublicCloud', '/does/not/matter')).name, 'AzurePublicCloud')
})

test('a cloud that is none is told in the old words', async () => {
  await assert.rejects(pick('AzurePublicClout'), {
    code: 'parameter-invalid',
    message:
      'cloudName AzurePublicClout is not valid, error: autorest/azure: There is no cloud environment matching the name "AzurePublicClout"; did you mean AzurePublicCloud?',
  })
})

test('an environment file below the folder is read, by absolute and relative path and through links', async () => {
  for (const file of [join(folder, 'stack.json'), 'stack.json', 'sub/../stack.json', 'inner-link.json']) {
    const cloud = await pick('azurestackcloud', file)
    assert.equal(cloud.keyVaultSuffix, 'vault.stack.test')
    assert.equal(cloud.loginOrigin, 'https://login.stack.test')
  }
  const linked = join(root, 'linked-folder')
  const cloud = await pick('AzureStackCloud', join(linked, 'sub/deep.json'), { environmentFolder: linked })
  assert.equal(cloud.name, 'Deep')
  assert.equal(
    (await pick('AzureStackCloud', 'stack.json', { environmentFolder: `${folder}/` })).name,
    ENVIRONMENT.name,
  )
})

test('a file with the four fields that the old provider read is enough', async () => {
  assert.equal((await pick('AzureStackCloud', 'four-fields.json')).keyVaultSuffix, 'vault.stack.test')
})

test('a pod author reads no other file', async () => {
  const outside =
    /^cloudName AzureStackCloud is not valid, error: open cloudEnvFileName .*: it is not below the folder/
  const paths = [
    join(root, 'outside.json'),
    '../outside.json',
    '../kubernetes-other/a.json',
    '/etc/shadow',
    '/does/not/exist',
    folder,
    '.',
    'outer-link.json',
    'device',
    'a\0b',
  ]
  for (const path of paths) await fails(path, outside)
  await fails('stack.json', outside, { environmentFolder: '' })
})

test('pipes, folders, large and broken files are no clouds, and nothing of them is shown', async () => {
  await fails('pipe', /pipe: it is not a regular file$/)
  await fails('sub', /sub: it is not a regular file$/)
  await fails('large.json', /large.json: it is larger than 65536 bytes$/)
  await fails('none.json', /none.json: no such file or directory$/)
  await fails('stack.json/x', /it cannot be read \(ENOTDIR\)$/)
  await fails(
    'broken.json',
    /broken.json: the Azure environment file is not usable: the whole file is not a JSON object$/,
  )
  await fails('no-login.json', /not usable: activeDirectoryEndpoint is missing or not a text$/)
})

test('without a file the cloud of the process serves, if it has one', async () => {
  const stackCloud = customCloud(Buffer.from(JSON.stringify(ENVIRONMENT)))
  assert.equal(await pick('AzureStackCloud', '', { stackCloud }), stackCloud)
  await fails('', /cloudEnvFileName is not provided/)
  const own = { stackCloud, defaultCloud: stackCloud }
  assert.equal(await pick('', '', own), stackCloud)
  assert.equal((await pick('', 'sub/deep.json', own)).name, 'Deep')
})

test('a file that does not answer is given up', async () => {
  const clock = new FakeClock()
  const asked = pick('AzureStackCloud', 'stack.json', { clock: hurried(clock) })
  await assert.rejects(asked, /reading cloudEnvFileName took longer than 2000 ms/)
})

/** A clock whose time is up at once: the disk is never that fast. */
function hurried(clock: FakeClock): CloudChoices['clock'] {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    random: () => 0,
    after: (_ms, fire) => {
      queueMicrotask(fire)
      return { cancel: () => undefined }
    },
  }
}

test('an abort is passed on as it is', async () => {
  const reason = new Error('gone')
  const asked = cloudOfMount(
    { cloudName: 'AzureStackCloud', cloudEnvFileName: 'stack.json' },
    choices(),
    AbortSignal.abort(reason),
  )
  await assert.rejects(asked, reason)
})
