import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { ApiError } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { isFields } from '../json.ts'
import { decodeKubeProtobuf } from '../protobuf/kube-protobuf.ts'
import { tableOf } from '../read/table.ts'
import { Registry } from '../registry.ts'
import { readRequest } from '../request-info.ts'
import { BUILTIN_RESOURCES } from '../resources/builtin-resources.ts'
import { BUILTIN_SCHEMAS } from '../schemas/builtin-schemas.ts'
import { Database } from '../storage/database.ts'
import type { World } from '../world.ts'
import { storeOf } from '../world.ts'
import { createObject } from './create.ts'
import { decodeObject } from './decode.ts'
import { ownWrite } from './write-options.ts'

const NAMES = [
  ...new Set(Object.values(BUILTIN_SCHEMAS).flatMap((each) => Object.keys(each.properties ?? {}))),
]

/** Nonsense in the fields that the kinds really have. */
const { body } = fc.letrec<{ body: unknown; fields: unknown; leaf: unknown }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(null, '', 'x', 0, -1, 1.5, true, 'a/b/c', [], {}),
    fc.string(),
    fc.integer(),
  ),
  fields: fc.dictionary(
    fc.oneof(fc.constantFrom(...NAMES), fc.constantFrom('__proto__', 'constructor')),
    tie('body'),
    { maxKeys: 5 },
  ),
  body: fc.oneof({ maxDepth: 4 }, tie('leaf'), tie('fields'), fc.array(tie('body'), { maxLength: 3 })),
}))

function world(): World {
  const database = new Database({ firstVersion: 0, historyLimit: 10 })
  const made = { clock: new FakeClock(), database, registry: new Registry(BUILTIN_RESOURCES) }
  const metadata = { name: 'n', uid: '', resourceVersion: '', creationTimestamp: '' }
  database.store({ plural: 'namespaces', group: '' }).put({ apiVersion: 'v1', kind: 'Namespace', metadata })
  const account = { ...metadata, name: 'default', namespace: 'n' }
  database
    .store({ plural: 'serviceaccounts', group: '' })
    .put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account })
  return made
}

test('whatever stands in a body, it is stored and shown or refused with a Status, never a crash', () => {
  const part = fc.dictionary(
    fc.constantFrom(
      'spec',
      'status',
      'data',
      'type',
      'rules',
      'subjects',
      'roleRef',
      'subsets',
      'involvedObject',
    ),
    body,
  )
  const metadata = fc.option(
    fc.dictionary(
      fc.constantFrom(
        'labels',
        'annotations',
        'ownerReferences',
        'finalizers',
        'generateName',
        'managedFields',
      ),
      body,
    ),
    { nil: {} },
  )
  fc.assert(
    fc.property(fc.constantFrom(...BUILTIN_RESOURCES), part, metadata, (definition, rest, extra) => {
      const at = world()
      const options = ownWrite('test')
      try {
        const raw: Fields = { ...rest, metadata: { ...extra, name: 'o' } }
        const object = decodeObject(raw, definition, options)
        createObject(at, definition, object, { namespace: definition.namespaced ? 'n' : '', options })
      } catch (thrown) {
        assert.ok(thrown instanceof ApiError, thrown instanceof Error ? (thrown.stack ?? '') : String(thrown))
        return
      }
      const stored = [...storeOf(at, definition).values()]
      JSON.stringify(tableOf(stored, {}, { definition, include: 'Object', now: 0, headers: true }))
    }),
    { numRuns: 400 },
  )
})

test('bytes that claim to be protobuf are an object or nothing', () => {
  const envelope = Buffer.from('6b3873000a0f0a02763112094e616d657370616365', 'hex')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 40 }), (bytes, cut) => {
      for (const each of [
        Buffer.from(bytes),
        Buffer.concat([envelope.subarray(0, cut), Buffer.from(bytes)]),
      ]) {
        const object = decodeKubeProtobuf(each)
        assert.ok(object === undefined || isFields(object))
      }
    }),
  )
})

test('whatever the target, a request is read or refused', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('GET', 'POST', 'DELETE', 'FOO'),
      fc.oneof(fc.webUrl(), fc.string(), fc.webPath()),
      (method, target) => {
        const info = readRequest(method, target)
        assert.ok(info === undefined || typeof info.verb === 'string')
      },
    ),
  )
})
