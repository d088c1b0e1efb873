/** What people read when a volume cannot be filled. */
import assert from 'node:assert/strict'
import { type ClassOptions, VaultScene } from '../csi-driver/vault-scene.ts'
import type { Scenario } from '../scenario.ts'

const SECRET = { objectName: 'db-password', objectType: 'secret' } as const

interface Refusal {
  readonly name: string
  readonly class: ClassOptions
  /** Each is in the text of the event. */
  readonly words: readonly RegExp[]
}

/** Where the words of the provider begin. */
const PROVIDER = 'failed to mount objects, error: '
/** The driver takes 4 MiB; a secret has 25,000 characters at most. */
const TOO_MANY = 170
const LARGE = 25_000

const refusals: Scenario = {
  name: 'keyvault-refusals',
  proves:
    'a missing binding, role or object, a disabled object, a wrong parameter, too much for the driver: the event of each pod names field, vault, object or identity and the way out, in the same words at every try; once it is mended, the pod starts by itself',
  keyVault: true,
  deadlineSeconds: 400,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    const { vault } = scene
    const closed = scene.another('closed')
    const roles = scene.another('roles', { rbac: true })
    await vault.setSecret('db-password', 'correct horse')
    await vault.setSecret('disabled', 'x')
    await vault.enable('secrets', 'disabled', false)
    await vault.setSecret('large', 'x'.repeat(LARGE))
    await closed.setSecret('db-password', 'correct horse')
    await roles.setSecret('db-password', 'correct horse')
    const shop = await scene.reader('shop')
    const principal = world.azure.state.identities.get(shop.id.toLowerCase())?.principalId ?? ''
    const cases: readonly Refusal[] = [
      {
        name: 'missing-policy',
        class: { objects: [SECRET], parameters: { keyvaultName: closed.name } },
        words: [
          new RegExp(closed.name),
          /objectName:db-password/,
          /az keyvault set-policy/,
          new RegExp(principal),
        ],
      },
      {
        name: 'missing-role',
        class: { objects: [SECRET], parameters: { keyvaultName: roles.name } },
        words: [new RegExp(roles.name), /--role "Key Vault Secrets User"/, new RegExp(principal)],
      },
      {
        name: 'missing-object',
        class: { objects: [{ ...SECRET, objectName: 'absent' }] },
        words: [new RegExp(`vault ${vault.name} has no secret absent`), /optional: true/],
      },
      {
        name: 'disabled-object',
        class: { objects: [{ ...SECRET, objectName: 'disabled' }] },
        words: [/objectName:disabled/, /Enable the version/],
      },
      {
        name: 'missing-vault',
        class: { objects: [SECRET], parameters: { keyvaultName: 'no-such-vault-here' } },
        words: [/no-such-vault-here/],
      },
      {
        name: 'no-vault',
        class: { objects: [SECRET], parameters: { keyvaultName: '' } },
        words: [/keyvaultName/],
      },
      {
        name: 'wrong-flag',
        class: { objects: [SECRET], parameters: { usePodIdentity: 'tru' } },
        words: [/usePodIdentity/, /tru/],
      },
      { name: 'no-objects', class: { objects: [] }, words: [/objects/] },
      {
        name: 'wrong-mode',
        class: { objects: [{ ...SECRET, filePermission: '0900' }] },
        words: [/filePermission/, /0900/],
      },
      {
        name: 'wrong-path',
        class: { objects: [{ ...SECRET, objectAlias: '../etc' }] },
        words: [/objectAlias/, /must not contain '\.\.'/],
      },
      {
        name: 'too-large',
        class: {
          objects: Array.from({ length: TOO_MANY }, (_, at) => ({
            ...SECRET,
            objectName: 'large',
            objectAlias: `file-${at}`,
          })),
        },
        words: [/Split the objects over several SecretProviderClasses/],
      },
    ]
    for (const each of cases) {
      await scene.class(each.name, each.class)
      await scene.startPod(each.name, { selector: shop.name, volumes: [{ class: each.name }] })
    }
    for (const { name, words } of cases) {
      const told = await scene.failedMount(name, words[0] ?? /./)
      for (const each of words) assert.match(told, each, name)
      world.say(`       ${name}: ${told.slice(told.lastIndexOf(PROVIDER) + PROVIDER.length)}`)
    }
    closed.allow(shop.clientId)
    await vault.setSecret('absent', 'not any more')
    await vault.enable('secrets', 'disabled', true)
    const mended = ['missing-policy', 'missing-object', 'disabled-object'] as const
    await Promise.all(mended.map((name) => scene.running(place.existing(name))))
    // One text each, however often kubelet tried.
    for (const { name } of cases) {
      const texts = await scene.failedMounts(name)
      const told = texts.filter((each) => each.includes('failed to mount objects'))
      assert.equal(told.length, 1, told.join('\n'))
    }
  },
}

export const KEYVAULT_REFUSALS: readonly Scenario[] = [refusals]
