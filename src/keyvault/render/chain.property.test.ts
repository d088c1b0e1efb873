import assert from 'node:assert/strict'
import { type KeyObject, X509Certificate } from 'node:crypto'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { type ChainMember, makeChain, makeMember } from '../../../test/make/certificate-chains.ts'
import { orderChain } from './chain.ts'

const FOUR = ['shop', 'issuing', 'policy', 'root']

interface Case {
  readonly certificates: readonly X509Certificate[]
  readonly keys: readonly KeyObject[]
}

let cases: Case[] = []
let [leaf, issuing, policy, root]: ChainMember[] = []

function caseOf(chain: readonly ChainMember[]): Case {
  return {
    certificates: chain.map(({ certificate }) => certificate),
    keys: chain.slice(0, 1).map(({ key }) => key),
  }
}

before(async () => {
  const four = await makeChain(FOUR)
  ;[leaf, issuing, policy, root] = four
  const chains = [
    four,
    four.slice(0, 3),
    await makeChain(FOUR.slice(1)),
    await makeChain(FOUR, { subjectId: false, authorityId: false }),
    await makeChain(FOUR, {}, { subjectId: false }),
    await makeChain(FOUR.slice(1), {}, { kind: 'RSA', authorityId: false }),
  ]
  cases = chains.map(caseOf)
})

const names = (some: readonly X509Certificate[]): string[] =>
  some.map(({ subject }) => subject.replace('CN=', ''))

test('every order of a whole chain comes out from leaf to root, with the key and without', () => {
  for (const { certificates, keys } of cases)
    for (const mixed of permutations(certificates)) {
      assert.deepEqual(names(orderChain(mixed, keys)), names(certificates))
      assert.deepEqual(names(orderChain(mixed, [])), names(certificates))
    }
})

test('with a link missing, what can be linked comes first and the rest keeps its order', () => {
  assert.ok(leaf !== undefined && issuing !== undefined && policy !== undefined && root !== undefined)
  for (const mixed of permutations([leaf, policy, root].map(({ certificate }) => certificate))) {
    const rest = names(mixed).filter((name) => name !== 'shop')
    assert.deepEqual(names(orderChain(mixed, [leaf.key])), ['shop', ...rest])
  }
  for (const mixed of permutations([leaf, issuing, root].map(({ certificate }) => certificate)))
    assert.deepEqual(names(orderChain(mixed, [])), ['shop', 'issuing', 'root'])
})

test('whatever is in a file: all of it comes out once, and first what fits the key', async () => {
  const east = await makeMember({ name: 'east', ca: true })
  const west = await makeMember({ name: 'west', ca: true })
  const twins = [
    await makeMember({ name: 'east', ca: true, issuer: west, keys: east.keys }),
    await makeMember({ name: 'west', ca: true, issuer: east, keys: west.keys }),
  ]
  const all = [leaf, issuing, policy, root, east, west, ...twins].filter((each) => each !== undefined)
  const some = fc.shuffledSubarray(all, { minLength: 1 })
  fc.assert(
    fc.property(some, fc.nat(), (members, at) => {
      const owner = members[at % members.length]
      assert.ok(owner !== undefined)
      const certificates = members.map(({ certificate }) => certificate)
      const ordered = orderChain(certificates, [owner.key])
      assert.deepEqual(new Set(ordered), new Set(certificates))
      assert.equal(ordered.length, certificates.length)
      assert.ok(ordered[0]?.checkPrivateKey(owner.key))
    }),
  )
})

test('a certificate that is there twice, or self-signed and signed by an authority, does not confuse', async () => {
  assert.ok(leaf !== undefined && issuing !== undefined && policy !== undefined && root !== undefined)
  const chain = [leaf, issuing, policy, root].map(({ certificate }) => certificate)
  const self = await makeMember({ name: 'shop', keys: leaf.keys })
  const copy = new X509Certificate(leaf.certificate.raw)
  for (const extra of [self.certificate, copy])
    for (const mixed of [
      [extra, ...chain],
      [...chain.toReversed(), extra],
    ])
      assert.deepEqual(names(orderChain(mixed, [leaf.key])).slice(0, 4), FOUR)
  assert.deepEqual(names(orderChain([leaf.certificate, copy], [])), ['shop', 'shop'])
})

test('only authorities that signed each other, and no key: there is no leaf', async () => {
  const east = await makeMember({ name: 'east', ca: true })
  const west = await makeMember({ name: 'west', ca: true, issuer: east })
  const eastByWest = await makeMember({ name: 'east', ca: true, issuer: west, keys: east.keys })
  const ring = [west.certificate, eastByWest.certificate]
  assert.throws(() => orderChain(ring, []), /no leaf found/)
  assert.deepEqual(names(orderChain(ring, [east.key])), ['east', 'west'])
})

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  )
}
