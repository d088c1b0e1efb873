import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AssignedIdentity, IdentityBlock } from '../state/identity-block.ts'
import { MOST_KEYS, mergeIdentity } from './identity-merge.ts'

const idOf = (name: string): string =>
  `/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`

function block(system: boolean, ...names: string[]): IdentityBlock {
  const held = (name: string): [string, AssignedIdentity] => [
    idOf(name).toLowerCase(),
    { id: idOf(name), clientId: `client-${name}`, principalId: `principal-${name}` },
  ]
  return { system, user: new Map(names.map(held)) }
}

const merge = (current: IdentityBlock, patch: unknown) => mergeIdentity(current, patch, '/the/set')

/** Names of the wanted set, or the code of the refusal. */
function outcome(current: IdentityBlock, patch: unknown): string {
  const result = merge(current, patch)
  if (!result.ok) return result.problem.code
  const names = [...result.change.wanted.keys()].map((key) => key.split('/').at(-1))
  return `${result.change.system ? 'system ' : ''}${names.join(' ')}`.trim()
}

const user = (map: Record<string, unknown>, type = 'UserAssigned') => ({ type, userAssignedIdentities: map })
const both = 'SystemAssigned, UserAssigned'

const CASES: { title: string; current: IdentityBlock; patch: unknown; want: string }[] = [
  {
    title: 'adds to what is there',
    current: block(false, 'a'),
    patch: user({ [idOf('b')]: {} }),
    want: 'a b',
  },
  {
    title: 'keeps what is named again',
    current: block(false, 'a'),
    patch: user({ [idOf('A')]: {} }),
    want: 'a',
  },
  {
    title: 'removes with null',
    current: block(false, 'a', 'b'),
    patch: user({ [idOf('a')]: null }),
    want: 'b',
  },
  {
    title: 'removes in any case',
    current: block(false, 'a', 'b'),
    patch: user({ [idOf('a').toUpperCase()]: null }),
    want: 'b',
  },
  {
    title: 'ignores the removal of what is not there',
    current: block(false, 'a'),
    patch: user({ [idOf('z')]: null }),
    want: 'a',
  },
  {
    title: 'adds and removes at once',
    current: block(false, 'a'),
    patch: user({ [idOf('a')]: null, [idOf('b')]: {} }),
    want: 'b',
  },
  {
    title: 'keeps the set when no map comes',
    current: block(false, 'a'),
    patch: { type: 'UserAssigned' },
    want: 'a',
  },
  { title: 'takes null for no map', current: block(false, 'a'), patch: user(null as never), want: 'a' },
  {
    title: 'loses the system identity with plain UserAssigned',
    current: block(true, 'a'),
    patch: user({ [idOf('b')]: {} }),
    want: 'a b',
  },
  {
    title: 'keeps the system identity with both',
    current: block(true, 'a'),
    patch: user({ [idOf('b')]: {} }, both),
    want: 'system a b',
  },
  {
    title: 'reads the type without blanks and in any case',
    current: block(true, 'a'),
    patch: { type: 'userassigned,systemassigned' },
    want: 'system a',
  },
  {
    title: 'keeps the type when none comes',
    current: block(true, 'a'),
    patch: { userAssignedIdentities: { [idOf('b')]: {} } },
    want: 'system a b',
  },
  { title: 'empties with None', current: block(true, 'a', 'b'), patch: { type: 'None' }, want: '' },
  {
    title: 'keeps the system identity alone with SystemAssigned',
    current: block(true, 'a'),
    patch: { type: 'SystemAssigned' },
    want: 'system',
  },
  {
    title: 'takes back its own ids as a value',
    current: block(false, 'a'),
    patch: user({ [idOf('a')]: { clientId: 'client-a', principalId: 'principal-a' } }),
    want: 'a',
  },
  {
    title: 'refuses None with a map',
    current: block(false, 'a'),
    patch: user({ [idOf('a')]: null }, 'None'),
    want: 'FailedIdentityOperation',
  },
  {
    title: 'refuses SystemAssigned with a map',
    current: block(true, 'a'),
    patch: user({}, 'SystemAssigned'),
    want: 'FailedIdentityOperation',
  },
  {
    title: 'refuses to remove the last with UserAssigned',
    current: block(false, 'a'),
    patch: user({ [idOf('a')]: null }),
    want: 'MissingIdentityIds',
  },
  { title: 'refuses an empty map', current: block(false, 'a'), patch: user({}), want: 'MissingIdentityIds' },
  {
    title: 'refuses UserAssigned of nothing',
    current: block(false),
    patch: { type: 'UserAssigned' },
    want: 'MissingIdentityIds',
  },
  {
    title: 'refuses a key that is no id',
    current: block(false),
    patch: user({ shop: {} }),
    want: 'LinkedInvalidPropertyId',
  },
  {
    title: 'refuses the id of another type',
    current: block(false),
    patch: user({ '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/a': {} }),
    want: 'LinkedInvalidPropertyId',
  },
  {
    title: 'refuses one identity in two spellings',
    current: block(false),
    patch: user({ [idOf('a')]: {}, [idOf('A')]: {} }),
    want: 'InvalidParameter',
  },
  {
    title: 'refuses a value with content',
    current: block(false),
    patch: user({ [idOf('a')]: { clientId: 'x' } }),
    want: 'InvalidIdentityValues',
  },
  {
    title: 'refuses a value that is no object',
    current: block(false),
    patch: user({ [idOf('a')]: true }),
    want: 'InvalidIdentityValues',
  },
  {
    title: 'refuses an unknown type',
    current: block(false),
    patch: { type: 'Everything' },
    want: 'InvalidParameter',
  },
  {
    title: 'refuses null for the whole block',
    current: block(false, 'a'),
    patch: null,
    want: 'InvalidRequestContent',
  },
  {
    title: 'refuses other fields in the block',
    current: block(false, 'a'),
    patch: { type: 'None', principalId: 'x' },
    want: 'InvalidRequestContent',
  },
]

for (const { title, current, patch, want } of CASES) {
  test(`a merge-patch of the identity ${title}`, () => {
    assert.equal(outcome(current, patch), want)
  })
}

test('150 keys are taken in one request, 151 are not, and the text says how many there were', () => {
  const keys = (count: number) =>
    user(Object.fromEntries(Array.from({ length: count }, (_, number) => [idOf(`i${number}`), {}])))
  assert.ok(merge(block(false), keys(MOST_KEYS)).ok)
  const refused = merge(block(false), keys(MOST_KEYS + 1))
  assert.ok(!refused.ok)
  assert.match(refused.problem.message, /Number '151' Assign exceed limit '150' in one request/)
  assert.ok(refused.violation)
})

test('the spelling that was stored first stays', () => {
  const result = merge(block(false, 'a'), user({ [idOf('a').toUpperCase()]: {}, [idOf('B')]: {} }))
  assert.ok(result.ok)
  assert.deepEqual([...result.change.wanted.values()], [idOf('a'), idOf('B')])
})
