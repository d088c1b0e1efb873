import assert from 'node:assert/strict'
import type { X509Certificate } from 'node:crypto'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { type ChainMember, makeChain, makeMember } from '../../test/make/certificate-chains.ts'
import { linkCertificates } from './certificate-chain.ts'

const NAMES = ['shop', 'issuing', 'policy', 'root']

let chains: ChainMember[][] = []

before(async () => {
  chains = [
    await makeChain(NAMES),
    await makeChain(NAMES.slice(1)),
    // Without identifiers only names and signatures are left.
    await makeChain(NAMES, { subjectId: false, authorityId: false }),
    await makeChain(NAMES, { authorityId: false }),
    await makeChain(NAMES, {}, { subjectId: false }),
    await makeChain(NAMES, {}, { kind: 'RSA' }),
  ]
})

const names = (some: readonly X509Certificate[]): string[] =>
  some.map(({ subject }) => subject.replace('CN=', ''))

test('every order of a chain leads from the leaf to the root', () => {
  for (const chain of chains) {
    const right = chain.map(({ certificate }) => certificate)
    for (const mixed of permutations(right)) {
      const links = linkCertificates(mixed)
      const [leaf, ...others] = right
      assert.ok(leaf !== undefined)
      assert.deepEqual(names(links.chainFrom(leaf)), names(right))
      assert.equal(links.isIssuer(leaf), false)
      for (const other of others) assert.equal(links.isIssuer(other), true)
    }
  }
})

test('of two authorities of one name without identifiers the one that signed is the issuer', async () => {
  const bare = { subjectId: false, authorityId: false }
  const [leaf, root] = await makeChain(['shop', 'root'], bare)
  const other = await makeMember({ name: 'root', ca: true, ...bare })
  assert.ok(leaf !== undefined && root !== undefined)
  for (const mixed of permutations([leaf, root, other].map(({ certificate }) => certificate)))
    assert.deepEqual(linkCertificates(mixed).chainFrom(leaf.certificate), [
      leaf.certificate,
      root.certificate,
    ])
})

test('an issuer whose name was written otherwise is found by its signature', async () => {
  const root = await makeMember({ name: 'root', ca: true })
  const leaf = await makeMember({ name: 'shop', issuer: root, issuerName: 'Root of all' })
  const links = linkCertificates([root.certificate, leaf.certificate])
  assert.deepEqual(links.chainFrom(leaf.certificate), [leaf.certificate, root.certificate])
})

test('authorities that signed each other end after one round, whatever the order', async () => {
  const east = await makeMember({ name: 'east', ca: true })
  const west = await makeMember({ name: 'west', ca: true })
  const eastByWest = await makeMember({ name: 'east', ca: true, issuer: west, keys: east.keys })
  const westByEast = await makeMember({ name: 'west', ca: true, issuer: east, keys: west.keys })
  const leaf = await makeMember({ name: 'shop', issuer: east })
  const all = [leaf, east, west, eastByWest, westByEast].map(({ certificate }) => certificate)
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: 1 }), (some) => {
      const [start] = some.includes(leaf.certificate) ? [leaf.certificate] : some
      assert.ok(start !== undefined)
      const chain = linkCertificates(some).chainFrom(start)
      assert.equal(new Set(chain).size, chain.length)
      assert.equal(chain[0], start)
      for (const each of chain) assert.ok(some.includes(each))
    }),
  )
  const whole = linkCertificates(all).chainFrom(leaf.certificate)
  assert.deepEqual(names(whole).slice(0, 3), ['shop', 'east', 'west'])
})

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  )
}
