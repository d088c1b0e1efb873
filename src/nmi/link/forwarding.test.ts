import assert from 'node:assert/strict'
import { test } from 'node:test'
import { portOf } from './forwarding.ts'

/** brforward of a bridge with two ports, as Linux 6.18 wrote it: two pods, and the ports' own addresses. */
const ENTRIES = [
  '0a580a02001102001e00000000000000',
  '0a580a02001001001800000000000000',
  'f6652104bb8e02010000000000000000',
  '6ed9a656ef6f01010000000000000000',
]
const bytes = (...entries: string[]): Buffer => Buffer.from(entries.join(''), 'hex')

test('the port by which an address was heard', () => {
  assert.equal(portOf(bytes(...ENTRIES), '0a:58:0a:02:00:10'), 1)
  assert.equal(portOf(bytes(...ENTRIES), '0a:58:0a:02:00:11'), 2)
})

test('the bridge’s own addresses, unknown ones and nonsense have no port', () => {
  for (const mac of ['f6:65:21:04:bb:8e', '0a:58:0a:02:00:12', '', 'zz'])
    assert.equal(portOf(bytes(...ENTRIES), mac), undefined)
})

test('an address that two ports have is on none, and one that two VLANs of a port have is on it', () => {
  const again = '0a580a02001002001800000000000000'
  assert.equal(portOf(bytes(...ENTRIES, again), '0a:58:0a:02:00:10'), undefined)
  assert.equal(portOf(bytes(...ENTRIES, ENTRIES[1] ?? ''), '0a:58:0a:02:00:10'), 1)
})

test('ports beyond 255, and bytes that look like an address across two entries', () => {
  assert.equal(portOf(bytes('0a580a02001034000000000001000000'), '0a:58:0a:02:00:10'), 0x134)
  const shifted = bytes('ffffffffffffffffffffffffff0a580a', '02001001001800000000000000000000')
  assert.equal(portOf(shifted, '0a:58:0a:02:00:10'), undefined)
  assert.equal(portOf(bytes('0a580a020010').subarray(0, 6), '0a:58:0a:02:00:10'), undefined)
})
