import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { API_VALUE, DB_VALUE, type KeyVaultWorld, startKeyVault, VAULT } from '../harness/keyvault-world.ts'
import { APP, APP_SECRET } from '../harness/login-world.ts'
import { put, remove } from '../harness/nmi-world.ts'
import { clientIdOf, makeAssigned, makeBinding, makeIdentity, makePod } from '../make/objects.ts'

/** The pod `default/shop-0` is bound to the identity `shop`, which is on the node. */
function bindShop({ login: { stores } }: KeyVaultWorld): void {
  const identity = makeIdentity()
  put(stores.pods, makePod())
  put(stores.identities, identity)
  put(stores.bindings, makeBinding())
  put(stores.assigned, makeAssigned({ identity }))
}

const NODE = {
  usePodIdentity: 'false',
  useVMManagedIdentity: 'true',
  userAssignedIdentityID: clientIdOf('shop'),
}
const PRINCIPAL = {
  parameters: { usePodIdentity: 'false' },
  secrets: { clientid: APP, clientsecret: APP_SECRET },
}

test('each way to log in fills the volume, and its files and versions are those of the vault', async () => {
  await using world = await startKeyVault()
  bindShop(world)
  world.vault.access.push({
    principal: APP,
    permissions: { secrets: ['get'], keys: [], certificates: [] },
  })
  const ways = {
    pod: {},
    workload: { parameters: await world.workload('shop') },
    node: { parameters: NODE },
    principal: PRINCIPAL,
  }
  const version = world.vault.secrets.items.get('db')?.versions[0]?.version
  for (const [way, fields] of Object.entries(ways)) {
    const mounted = await world.mount({ ...fields, objects: ['db', 'api'] })
    assert.deepEqual(mounted.files, ['db', 'api'], way)
    assert.equal(mounted.objects.get('secret/db'), version, way)
    assert.deepEqual([world.file('db'), world.file('api')], [DB_VALUE, API_VALUE], way)
  }
})

test('a refusal of each way names the identity and the command that mends it', async () => {
  await using world = await startKeyVault()
  bindShop(world)
  world.vault.access.length = 0
  const mends = `az keyvault set-policy --name ${VAULT} --object-id `
  const shop = `client id ${clientIdOf('shop')}, object id`
  const guest = `client id ${clientIdOf('guest')}, object id`
  const ways: [Parameters<KeyVaultWorld['mount']>[0], string][] = [
    [{}, `pod identity shop (${shop}`],
    [{ parameters: await world.workload('guest') }, `workload identity guest (${guest}`],
    [{ parameters: NODE }, `managed identity of the node shop (${shop}`],
    [PRINCIPAL, `service principal (client id ${APP}, object id`],
  ]
  for (const [fields, who] of ways) {
    const text = await world.refused(fields)
    assert.ok(
      text.startsWith(
        `rpc error: code = Unknown desc = failed to mount objects, error: failed to get objectType:secret, objectName:db, objectVersion:: vault ${VAULT} does not let the identity of pod default/shop-0, ${who}`,
      ),
      text,
    )
    assert.ok(text.includes(mends), text)
    assert.equal(await world.refused(fields), text)
  }
})

test('a pod whose binding went gets nothing at the next look, and its files stay', async () => {
  await using world = await startKeyVault()
  bindShop(world)
  await world.mount()
  remove(world.login.stores.bindings, makeBinding())
  const text = await world.refused()
  assert.match(
    text,
    /^rpc error: code = Unknown desc = failed to mount objects, error: nmi response failed with status code: 40\d, .*no-binding/,
  )
  assert.equal(world.file('db'), DB_VALUE)
})

test('a new version is in the file at the first look after the poll age, and a pinned one never is', async () => {
  await using world = await startKeyVault()
  bindShop(world)
  const version = world.vault.secrets.items.get('api')?.versions[0]?.version ?? ''
  const objects = ['db', `objectName: api, objectType: secret, objectVersion: ${version}`]
  assert.equal((await world.mount({ objects })).written, true)
  world.rotate('db', 'the-second-password')
  world.rotate('api', 'the-second-key')
  world.forget()
  assert.equal((await world.mount({ objects })).written, false)
  assert.equal(world.asked(), 0)
  world.clock.skip(26_000)
  const mounted = await world.mount({ objects })
  assert.equal(world.asked(), 1)
  assert.equal(mounted.objects.get('secret/db'), '2'.padStart(32, '0'))
  assert.equal(world.file('db'), 'the-second-password')
  assert.equal(world.file('api'), API_VALUE)
})

test('a pod that comes after a new version was made reads it, whatever others read before', async () => {
  await using world = await startKeyVault()
  await world.mount({ pod: 'first', parameters: await world.workload('shop') })
  world.rotate('db', 'the-second-password')
  await world.mount({ pod: 'second', parameters: await world.workload('shop') })
  assert.equal(world.file('db', 'first'), DB_VALUE)
  assert.equal(world.file('db', 'second'), 'the-second-password')
})

test('an optional object is left out while it is missing or disabled; a required one fails the mount', async () => {
  await using world = await startKeyVault()
  bindShop(world)
  const extra = 'objectName: extra, objectType: secret'
  const objects = ['db', `${extra}, optional: true`]
  const without = await world.mount({ objects })
  assert.deepEqual([without.files, without.objects.get('secret/extra')], [['db'], 'missing'])
  assert.match(
    await world.refused({ objects: ['db', extra] }),
    /objectName:extra, objectVersion:: vault shop-vault has no secret extra \(SecretNotFound\)\. Create it or mend objectName/,
  )
  world.rotate('extra', 'the-extra-value')
  world.clock.skip(26_000)
  assert.deepEqual((await world.mount({ objects })).files, ['db', 'extra'])
  assert.equal(world.file('extra'), 'the-extra-value')
  const [version] = world.vault.secrets.items.get('extra')?.versions ?? []
  if (version !== undefined) version.enabled = false
  world.clock.skip(26_000)
  assert.deepEqual((await world.mount({ objects })).files, ['db'])
  assert.throws(() => world.file('extra'), /ENOENT/)
  assert.match(
    await world.refused({ objects: ['db', extra] }),
    /objectName:extra, objectVersion:: vault shop-vault: .*disabled secret.* \(SecretDisabled\)\. Enable the version/,
  )
})

test('a class of more objects than a pod may have in the line for the vault is mounted all the same', async () => {
  await using world = await startKeyVault({ concurrentPerPod: 2, queuedPerPod: 12 })
  bindShop(world)
  const names = Array.from({ length: 40 }, (_, index) => `many-${index}`)
  for (const name of names) world.rotate(name, `value of ${name}`)
  assert.deepEqual((await world.mount({ objects: names })).files, names)
})

test('one secret under many names is asked for once', async () => {
  await using world = await startKeyVault()
  bindShop(world)
  world.forget()
  const objects = Array.from(
    { length: 40 },
    (_, index) => `objectName: db, objectType: secret, objectAlias: a${index}`,
  )
  assert.equal((await world.mount({ objects })).files.length, 40)
  assert.equal(world.asked(), 1)
})

test('when no file is left the driver keeps the last ones, as docs/keyvault.md says; a file beside them lets them go', async () => {
  await using world = await startKeyVault()
  bindShop(world)
  world.rotate('extra', 'the-extra-value')
  const alone = ['objectName: extra, objectType: secret, optional: true']
  await world.mount({ objects: alone })
  world.vault.secrets.items.delete('extra')
  world.clock.skip(26_000)
  const emptied = await world.mount({ objects: alone })
  assert.deepEqual([emptied.files, emptied.objects.get('secret/extra')], [[], 'missing'])
  assert.equal(world.file('extra'), 'the-extra-value')
  await world.mount({ objects: [...alone, 'db'] })
  assert.throws(() => world.file('extra'), /ENOENT/)
})

test('a class names its own cloud by an environment file of the operator, and no other file', async () => {
  await using world = await startKeyVault()
  bindShop(world)
  writeFileSync(join(world.environments, 'own.json'), world.cloudFile)
  const cloud = (cloudEnvFileName: string) => ({ cloudName: 'AzureStackCloud', cloudEnvFileName })
  await world.mount({ parameters: { ...(await world.workload('shop')), ...cloud('own.json') } })
  assert.equal(world.file('db'), DB_VALUE)
  assert.match(
    await world.refused({ parameters: cloud('/etc/passwd') }),
    /^rpc error: code = Unknown desc = failed to mount objects, error: cloudName AzureStackCloud is not valid, error: open cloudEnvFileName \/etc\/passwd: it is not below the folder /,
  )
  assert.match(
    await world.refused({ parameters: cloud('../missing.json') }),
    /it is not below the folder .* Mend the named parameter/,
  )
  assert.match(await world.refused({ parameters: cloud('missing.json') }), /no such file or directory/)
})
