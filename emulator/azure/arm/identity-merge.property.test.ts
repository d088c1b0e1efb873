import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AssignedIdentity, type IdentityBlock, NO_IDENTITY, typeOf } from '../state/identity-block.ts'
import { mergeIdentity } from './identity-merge.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const
const prefix = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/'

interface Patch {
  readonly type: 'None' | 'SystemAssigned' | 'UserAssigned' | 'SystemAssigned, UserAssigned'
  readonly keys: readonly { readonly name: string; readonly remove: boolean; readonly loud: boolean }[]
  readonly map: boolean
}

const patches: fc.Arbitrary<Patch> = fc.record({
  type: fc.constantFrom('None', 'SystemAssigned', 'UserAssigned', 'SystemAssigned, UserAssigned'),
  keys: fc.uniqueArray(
    fc.record({ name: fc.constantFrom(...NAMES), remove: fc.boolean(), loud: fc.boolean() }),
    { selector: ({ name }) => name },
  ),
  map: fc.boolean(),
})

function bodyOf(patch: Patch): object {
  const spelt = (name: string, loud: boolean) =>
    loud ? `${prefix}${name}`.toUpperCase() : `${prefix}${name}`
  const map = Object.fromEntries(
    patch.keys.map(({ name, remove, loud }) => [spelt(name, loud), remove ? null : {}]),
  )
  return patch.map ? { type: patch.type, userAssignedIdentities: map } : { type: patch.type }
}

/** The whole rule in plain words: a set of names and a flag; undefined when the request is refused. */
function model(state: { system: boolean; names: Set<string> }, patch: Patch) {
  const user = patch.type.includes('User')
  const system = patch.type.includes('System')
  if (!user) return patch.map ? undefined : { system, names: new Set<string>() }
  if (patch.map && patch.keys.length === 0) return undefined
  const names = new Set(state.names)
  for (const { name, remove } of patch.map ? patch.keys : []) {
    if (remove) names.delete(name)
    else names.add(name)
  }
  return names.size === 0 ? undefined : { system, names }
}

function applied(
  current: IdentityBlock,
  wanted: ReadonlyMap<string, string>,
  system: boolean,
): IdentityBlock {
  const user = new Map<string, AssignedIdentity>()
  for (const [key, id] of wanted)
    user.set(key, current.user.get(key) ?? { id, clientId: key, principalId: key })
  return { system, user }
}

test('any series of merge-patches ends where a plain set of names ends', () => {
  fc.assert(
    fc.property(fc.array(patches, { maxLength: 12 }), (series) => {
      let block: IdentityBlock = NO_IDENTITY
      let state = { system: false, names: new Set<string>() }
      for (const patch of series) {
        const result = mergeIdentity(block, bodyOf(patch), '/set')
        const expected = model(state, patch)
        assert.equal(result.ok, expected !== undefined)
        if (!result.ok || expected === undefined) continue
        block = applied(block, result.change.wanted, result.change.system)
        state = expected
        assert.deepEqual(new Set([...block.user.keys()].map((key) => key.slice(prefix.length))), state.names)
        assert.equal(block.system, state.system)
        assert.equal(typeOf(block).includes('UserAssigned'), state.names.size > 0)
      }
    }),
  )
})

test('no body whatever makes the merge throw', () => {
  fc.assert(
    fc.property(fc.anything(), fc.boolean(), (value, nested) => {
      const patch = nested ? { type: 'UserAssigned', userAssignedIdentities: value } : value
      const result = mergeIdentity(NO_IDENTITY, patch, '/set')
      assert.equal(typeof result.ok, 'boolean')
    }),
  )
})
