import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import { test } from 'node:test'
import { overlaps, pod6Of, podAddresses, SANDBOX_COUNT, sandboxAddresses } from './addresses.ts'

test('a subnet is in use when an address, a narrower or a wider network of the machine touches it', () => {
  const subnet = '198.19.7.0/24'
  for (const used of ['198.19.7.1', '198.19.7.128/25', '198.18.0.0/15', '198.19.7.255/32']) {
    assert.equal(overlaps(subnet, ['192.0.2.2/24', used]), true, used)
  }
  assert.equal(overlaps(subnet, ['198.19.6.0/24', '198.19.8.1', '10.0.0.0/8']), false)
})

test('a default route and text that is no address do not put every subnet in use', () => {
  assert.equal(overlaps('198.19.7.0/24', ['0.0.0.0/0', 'default', '']), false)
})

test('no two sandboxes share a pod address, and every pod address is inside its sandbox', () => {
  const all = Array.from({ length: SANDBOX_COUNT }, (_, index) => podAddresses(index)).flat()
  assert.equal(new Set(all).size, all.length)
  for (const index of [0, 15, 255]) {
    const { subnet, podRange, node, host, bridge } = sandboxAddresses(index)
    for (const ip of podAddresses(index)) {
      assert.ok(overlaps(podRange, [ip]) && overlaps(subnet, [ip]))
      assert.ok(![node, host, bridge].includes(ip))
      assert.ok(isIPv6(pod6Of(index, ip)))
    }
    assert.ok(!overlaps(podRange, [node, host]))
  }
})
