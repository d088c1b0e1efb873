import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { mountMessage, TOKENS_KEY } from '../../../test/make/mount-messages.ts'
import { cloudByName } from '../../azure/clouds.ts'
import { errorText } from '../../base/errors.ts'
import { MountFailure } from '../mount-failure.ts'
import type { MountOrder } from '../mount-order.ts'
import { filePath } from './file-names.ts'
import type { MountMessage } from './mount-request.ts'
import { readOrder } from './read-order.ts'

const MARK = 'eyJ-never-shown'

/** The order, or undefined when it was refused as a request may be refused. */
async function read(message: MountMessage): Promise<MountOrder | undefined> {
  const defaultCloud = cloudByName('')
  assert.ok(defaultCloud)
  const clouds = {
    defaultCloud,
    environmentFolder: '/nowhere/at/all',
    clock: new FakeClock(),
    vmManagedIdentity: true,
  }
  try {
    return await readOrder(message, clouds, new AbortController().signal)
  } catch (thrown) {
    assert.ok(thrown instanceof MountFailure, errorText(thrown))
    assert.ok(!errorText(thrown).includes(MARK), thrown.message)
    assert.ok(thrown.message.length < 1_000)
    assert.ok(!/[\p{Cc}\u2028]/u.test(thrown.message), JSON.stringify(thrown.message))
    return undefined
  }
}

/** The CSI driver's rules for a path, put down once more: Go's ValidatePath, and Clean(path) == path. */
function driverTakes(path: string): boolean {
  const elements = path.split('/')
  return (
    path !== '' &&
    !path.startsWith('/') &&
    Buffer.byteLength(path) <= 4_096 &&
    elements.every(
      (each) => each !== '..' && each !== '.' && each !== '' && Buffer.byteLength(each) <= 255,
    ) &&
    !path.startsWith('..')
  )
}

/** All files of an order are written, none over another one, and nothing leads out of the vault's paths. */
function assertSound(order: MountOrder): void {
  const files: string[] = []
  for (const wanted of order.objects) {
    assert.match(wanted.name, /^[0-9a-zA-Z-]{1,127}$/)
    assert.match(wanted.version, /^[0-9a-zA-Z]{0,64}$/)
    assert.ok(Number.isInteger(wanted.mode) && wanted.mode >= 0 && wanted.mode <= 0o777)
    assert.ok(wanted.history >= 1 && wanted.history <= 100)
    for (let index = 0; index < wanted.history; index += 1)
      files.push(filePath(wanted, wanted.history > 1 ? index : undefined))
  }
  for (const file of files) assert.ok(driverTakes(file), file)
  // Byte for byte as they go over the wire.
  const sorted = files.map((file) => Buffer.from(file).toString()).sort()
  assert.equal(new Set(sorted).size, sorted.length)
  const folders = new Set(
    sorted.flatMap((file) =>
      file
        .split('/')
        .slice(0, -1)
        .map((_, i, all) => all.slice(0, i + 1).join('/')),
    ),
  )
  for (const file of sorted) assert.ok(!folders.has(file), file)
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', 'null', '~', 'true', '0755', '..', '<<', '*a', '&a', '!!str', '|', '>-', '{', '['),
)
/** Texts with the token in them that are nearly what is expected. */
const hostileJson = fc.oneof(
  anyText.map((text) => `${text}${MARK}`),
  fc.json().map((json) => `{"a":${json},"b":"${MARK}"}`),
  fc.json().map((json) => `[${json},"${MARK}"`),
  fc.dictionary(anyText, anyText).map((map) => JSON.stringify({ ...map, token: MARK })),
)

test('whatever the four strings are, a mount is refused as one may be, and no token is told', async () => {
  await fc.assert(
    fc.asyncProperty(
      hostileJson,
      hostileJson,
      hostileJson,
      anyText,
      async (attributes, secrets, permission, targetPath) => {
        await read({ attributes, secrets, permission, targetPath })
        await read(mountMessage({}, { secrets }))
        await read(mountMessage({}, { permission }))
      },
    ),
    { numRuns: 200 },
  )
})

test('whatever tokens and credentials are, none is told', async () => {
  const names = fc.constantFrom(TOKENS_KEY, 'clientid', 'clientsecret', 'ClientID')
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(names, hostileJson),
      hostileJson,
      fc.boolean(),
      async (secretTexts, tokens, client) => {
        const parameters = {
          usePodIdentity: '',
          [TOKENS_KEY]: tokens,
          clientID: client ? '5a0b0c0d-1111-2222-3333-444444444444' : '',
        }
        await read(mountMessage(parameters, { secretTexts }))
      },
    ),
    { numRuns: 200 },
  )
})

test('whatever the parameters are, they are an order or refused', async () => {
  const names = fc.constantFrom(
    'keyvaultName',
    'tenantID',
    'objects',
    'usePodIdentity',
    'useVMManagedIdentity',
    'userAssignedIdentityID',
    'clientID',
    'useAzureTokenProxy',
    'cloudName',
    'cloudEnvFileName',
    'lastKnownGoodMaxAge',
    'clientId',
    'csi.storage.k8s.io/pod.name',
    '__proto__',
    'AzureStackCloud',
  )
  const values = fc.oneof(anyText, fc.constantFrom('AzureStackCloud', '/etc/passwd', 'true', '24h'))
  await fc.assert(
    fc.asyncProperty(fc.dictionary(names, values), async (parameters) => {
      const order = await read(mountMessage(parameters))
      if (order !== undefined) assertSound(order)
    }),
    { numRuns: 500 },
  )
})

/** Pieces of paths that come near each rule. */
const path = fc
  .array(
    fc.constantFrom('a', 'b', '0', '1', '.', '..', '', 'a..b', ' ', 'ä', 'x'.repeat(255), '\ud800', '\0'),
    { minLength: 1, maxLength: 4 },
  )
  .map((elements) => elements.join('/'))

function often<T>(arbitrary: fc.Arbitrary<T>): fc.WeightedArbitrary<T> {
  return { weight: 9, arbitrary }
}

const object = fc.record(
  {
    objectName: fc.oneof(often(fc.constantFrom('a', 'b')), fc.constantFrom('a/b', '..', 'a?x'), anyText),
    objectType: fc.oneof(often(fc.constantFrom('secret', 'key', 'cert')), anyText),
    objectAlias: fc.oneof(often(path), anyText),
    objectVersion: fc.oneof(often(fc.constantFrom('', 'latest', '0'.repeat(32))), anyText),
    objectVersionHistory: fc.oneof(often(fc.integer({ min: -2, max: 5 })), anyText),
    filePermission: fc.oneof(often(fc.constantFrom('', '0644')), anyText),
    optional: fc.constantFrom('', 'true'),
  },
  { requiredKeys: ['objectName', 'objectType', 'objectAlias'] },
)

test('objects that are accepted are files that the driver writes, each its own', async () => {
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(object, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      async (objects, asTexts) => {
        const array = asTexts ? objects.map((each) => stringify(each)) : objects
        const order = await read(mountMessage({ objects: stringify({ array }) }))
        if (order === undefined) return
        accepted += 1
        assertSound(order)
      },
    ),
    { numRuns: 500 },
  )
  assert.ok(accepted > 25, `${accepted} accepted`)
})

test('files of sound objects are sound together, or the class is refused', async () => {
  const good = fc.record({
    objectName: fc.constant('a'),
    objectType: fc.constant('secret'),
    objectAlias: fc
      .array(fc.constantFrom('a', 'b', '0', '1'), { minLength: 1, maxLength: 3 })
      .map((each) => each.join('/')),
    objectVersionHistory: fc.integer({ min: 0, max: 3 }),
  })
  let refused = 0
  await fc.assert(
    fc.asyncProperty(fc.array(good, { minLength: 1, maxLength: 4 }), async (array) => {
      const order = await read(mountMessage({ objects: stringify({ array }) }))
      if (order === undefined) refused += 1
      else assertSound(order)
    }),
    { numRuns: 500 },
  )
  assert.ok(refused > 10 && refused < 490, `${refused} refused`)
})

test('any piece of YAML is an order or refused', async () => {
  const words = fc.constantFrom(
    'array:',
    '\n',
    '  ',
    '- ',
    '|',
    '>',
    'objectName: a',
    'objectType: key',
    '{',
    '}',
    '[',
    ']',
    ',',
    '&a ',
    '*a',
    '!!str ',
    '!x ',
    '"',
    "'",
    '#',
    '? ',
    ': ',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '\t',
    '<<: ',
    '~',
    '\r\n',
    'ä',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(words, { maxLength: 25 }).map((each) => each.join('')),
      async (text) => {
        for (const objects of [
          text,
          `array:\n${text}`,
          `array:\n  - |\n    ${text.replaceAll('\n', '\n    ')}`,
        ]) {
          const order = await read(mountMessage({ objects }))
          if (order !== undefined) assertSound(order)
        }
      },
    ),
    { numRuns: 500 },
  )
})
