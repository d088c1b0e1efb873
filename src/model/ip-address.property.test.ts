import assert from 'node:assert/strict'
import { isIP, SocketAddress } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalAddress } from './ip-address.ts'

const octet = fc.nat(255)
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'))
/** Many zero groups, so that runs of zeros of every length and place come up. */
const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(0xffff))
const groups = fc.array(group, { minLength: 8, maxLength: 8 })

/** Every way to write the eight groups: case, leading zeros, a gap at any run of zeros. */
const spelling = fc
  .tuple(groups, fc.boolean(), fc.boolean(), fc.nat())
  .map(([numbers, upper, padded, pick]) => {
    const hex = numbers.map((each) => {
      const plain = padded ? each.toString(16).padStart(4, '0') : each.toString(16)
      return upper ? plain.toUpperCase() : plain
    })
    const zeros = numbers.flatMap((each, position) => (each === 0 ? [position] : []))
    const gap = zeros[pick % (zeros.length + 1)]
    if (gap === undefined) return { numbers, text: hex.join(':') }
    return { numbers, text: `${hex.slice(0, gap).join(':')}::${hex.slice(gap + 1).join(':')}` }
  })

/** inet_ntop, the system's own printer, with its dotted forms put back into hexadecimal. */
function bySystem(text: string): string {
  const printed = new SocketAddress({ address: text, family: 'ipv6' }).address
  const last = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(printed)
  if (last === null) return printed
  const [, head = '', a, b, c, d] = last
  if (head === '::ffff:') return printed.slice(head.length)
  const high = (Number(a) * 256 + Number(b)).toString(16)
  return `${head}${high}:${(Number(c) * 256 + Number(d)).toString(16)}`
}

test('every spelling of an IPv6 address has the form that the operating system prints', () => {
  fc.assert(
    fc.property(spelling, ({ text }) => {
      assert.equal(canonicalAddress(text), bySystem(text))
    }),
    { numRuns: 2000 },
  )
})

test('an IPv4 address is its own canonical form, and so is the address of its mapped IPv6 spellings', () => {
  fc.assert(
    fc.property(ipv4, (address) => {
      assert.equal(canonicalAddress(address), address)
      assert.equal(canonicalAddress(`::ffff:${address}`), address)
      assert.equal(canonicalAddress(`0:0:0:0:0:FFFF:${address}`), address)
    }),
  )
})

test('a canonical address stays as it is', () => {
  fc.assert(
    fc.property(spelling, ({ text }) => {
      const once = canonicalAddress(text) ?? ''
      assert.equal(canonicalAddress(once), once)
    }),
  )
})

test('two spellings agree exactly when the sixteen bytes agree', () => {
  fc.assert(
    fc.property(spelling, spelling, (a, b) => {
      const same = a.numbers.join() === b.numbers.join()
      assert.equal(canonicalAddress(a.text) === canonicalAddress(b.text), same)
    }),
  )
})

test('what is no address has no canonical form', () => {
  const wrong = [
    '',
    ' ',
    '10.0.0',
    '010.0.0.1',
    '10.0.0.1 ',
    '10.0.0.256',
    ':::',
    'fe80::1%eth0',
    '[::1]',
    '::g',
  ]
  for (const text of wrong) assert.equal(canonicalAddress(text), undefined, text)
  fc.assert(
    fc.property(fc.string(), (text) => {
      if (isIP(text) === 0) assert.equal(canonicalAddress(text), undefined)
    }),
  )
})
