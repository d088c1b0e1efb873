import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ApiError } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { sameJson } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import { customResources } from '../resources/custom-resource.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import type { FieldSet } from './field-set.ts'
import {
  emptySet,
  intersect,
  isEmptySet,
  parseFieldsV1,
  pathTexts,
  subtract,
  toFieldsV1,
  union,
} from './field-set.ts'
import { applyConfiguration } from './server-side-apply.ts'
import { trackUpdate } from './update-tracking.ts'

const item = { type: 'object', properties: { name: { type: 'string' }, value: { type: 'string' } } }
const THING = thing()

function thing(): ResourceDefinition {
  const spec = {
    type: 'object',
    properties: {
      colour: { type: 'string' },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      items: {
        type: 'array',
        items: item,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      },
      tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
      whole: { type: 'array', items: { type: 'string' } },
    },
  }
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } }
  const metadata = { name: 't', uid: '', resourceVersion: '', creationTimestamp: '' }
  const names = { plural: 'things', kind: 'Thing' }
  const versions = [{ name: 'v1', served: true, storage: true, schema }]
  const crd = { apiVersion: '', kind: '', metadata, spec: { group: 'g', scope: 'Cluster', names, versions } }
  const [definition] = customResources(crd)
  if (definition === undefined) throw new Error('the definition serves nothing')
  return definition
}

const name = fc.constantFrom('a', 'b', 'c')
const text = fc.constantFrom('1', '2', '3')
const spec: fc.Arbitrary<Fields> = fc.record(
  {
    colour: text,
    labels: fc.dictionary(name, text, { minKeys: 1 }),
    items: fc.uniqueArray(fc.record({ name, value: text }), { selector: (each) => each.name, minLength: 1 }),
    tags: fc.uniqueArray(name, { minLength: 1 }),
    whole: fc.array(text, { minLength: 1 }),
  },
  { requiredKeys: [] },
)

function apply(live: KubeObject | undefined, config: Fields, manager: string, force = true): KubeObject {
  const metadata = { name: 't', uid: 'u', resourceVersion: '1', creationTimestamp: 'x' }
  const whole = {
    apiVersion: 'g/v1',
    kind: 'Thing',
    metadata: live === undefined ? metadata : { name: 't' },
    spec: config,
  }
  const writer = { manager, time: 'now' }
  return applyConfiguration({
    live,
    config: whole,
    definition: THING,
    writer,
    force,
  }) as unknown as KubeObject
}

const ordered = (object: KubeObject): unknown =>
  JSON.parse(JSON.stringify(object['spec'] ?? {}), (_key, value: unknown) =>
    Array.isArray(value) && typeof value[0] === 'object'
      ? value.toSorted((a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name))
      : value,
  )

test('applying the same configuration again changes nothing', () => {
  fc.assert(
    fc.property(spec, (config) => {
      const once = apply(undefined, config, 'me')
      assert.ok(sameJson(apply(once, config, 'me'), once))
    }),
  )
})

test('a single manager that applies another configuration has exactly that one', () => {
  fc.assert(
    fc.property(spec, spec, (first, second) => {
      const after = apply(apply(undefined, first, 'me'), second, 'me')
      const wanted = apply(undefined, second, 'me')
      const { tags: _a, ...got } = ordered(after) as Fields
      const { tags: _b, ...want } = ordered(wanted) as Fields
      assert.deepEqual(got, want)
      assert.deepEqual(
        new Set((ordered(after) as { tags?: string[] }).tags),
        new Set((ordered(wanted) as { tags?: string[] }).tags),
      )
    }),
  )
})

test('what one manager gives up stays while another one holds it', () => {
  fc.assert(
    fc.property(spec, (config) => {
      const both = apply(apply(undefined, config, 'me'), config, 'you')
      const mine = apply(both, {}, 'you')
      assert.deepEqual(ordered(mine), ordered(both))
      assert.deepEqual(ordered(apply(mine, {}, 'me')), {})
    }),
  )
})

test('without force a field with another value of another manager is a conflict, and only then', () => {
  fc.assert(
    fc.property(text, text, (mine, yours) => {
      const live = apply(undefined, { colour: mine }, 'me')
      const attempt = (): KubeObject => apply(live, { colour: yours }, 'you', false)
      if (mine === yours) attempt()
      else
        assert.throws(
          attempt,
          (thrown) =>
            thrown instanceof ApiError &&
            thrown.code === 409 &&
            /conflict with "me": \.spec\.colour/.test(thrown.message),
        )
    }),
  )
})

test('after any updates each path has at most one updating owner, and every value in the object has one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('me', 'you'), spec), { minLength: 1, maxLength: 6 }),
      (writes) => {
        let live: KubeObject | undefined
        for (const [manager, config] of writes) {
          const metadata = {
            ...(live?.metadata ?? { name: 't', uid: 'u', resourceVersion: '1', creationTimestamp: 'x' }),
          }
          const next: KubeObject = { apiVersion: 'g/v1', kind: 'Thing', metadata, spec: config }
          const managedFields = trackUpdate(live, next, THING, { manager, time: 'now' })
          live = { ...next, metadata: { ...metadata, managedFields } }
        }
        const sets = (live?.metadata.managedFields ?? []).map((each) => parseFieldsV1(each.fieldsV1))
        const [a, b] = sets
        if (a !== undefined && b !== undefined) assert.ok(isEmptySet(intersect(a, b)))
        const owned = new Set(pathTexts(sets.reduce<FieldSet>(union, emptySet())))
        for (const key of Object.keys(live?.['spec'] ?? {})) assert.ok(owned.has(`.spec.${key}`), key)
      },
    ),
  )
})

test('sets of fields follow the laws of sets and survive being written down', () => {
  const key = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:"y"', '.')
  const leaf = fc.constant<Fields>({})
  const level = (below: fc.Arbitrary<Fields>): fc.Arbitrary<Fields> =>
    fc.dictionary(key, below, { maxKeys: 3 })
  const tree = level(fc.oneof(leaf, level(fc.oneof(leaf, level(leaf)))))
  fc.assert(
    fc.property(tree, tree, (left, right) => {
      const [a, b] = [parseFieldsV1(left), parseFieldsV1(right)]
      const same = (x: FieldSet, y: FieldSet): void =>
        assert.deepEqual(pathTexts(x).toSorted(), pathTexts(y).toSorted())
      same(parseFieldsV1(toFieldsV1(a)), a)
      same(union(subtract(a, b), intersect(a, b)), a)
      same(union(a, b), union(b, a))
      same(subtract(subtract(a, b), b), subtract(a, b))
      assert.ok(pathTexts(intersect(subtract(a, b), b)).length === 0)
    }),
  )
})
