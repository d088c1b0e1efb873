import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neighbourOf } from './neighbours.ts'

/** As Linux 6.18 wrote it: a neighbour that answered, one that did not, and the same address on another device. */
const NEIGHBOURS = `IP address       HW type     Flags       HW address            Mask     Device
10.2.0.10        0x1         0x2         0a:58:0a:02:00:0a     *        cbr0
10.2.0.11        0x1         0x0         00:00:00:00:00:00     *        cbr0
10.2.0.12        0x1         0x2         0a:58:0a:02:00:aa     *        eth0
10.2.0.12        0x1         0x6         0a:58:0a:02:00:0c     *        cbr0
`

test('the hardware address of a neighbour that has answered on that device', () => {
  assert.equal(neighbourOf(NEIGHBOURS, '10.2.0.10', 'cbr0'), '0a:58:0a:02:00:0a')
  assert.equal(neighbourOf(NEIGHBOURS, '10.2.0.12', 'cbr0'), '0a:58:0a:02:00:0c')
})

test('one that did not answer, is not there, or begins alike is none', () => {
  for (const address of ['10.2.0.11', '10.2.0.1', '0.2.0.10', '10.2.0.13'])
    assert.equal(neighbourOf(NEIGHBOURS, address, 'cbr0'), undefined)
  assert.equal(neighbourOf(NEIGHBOURS, '10.2.0.10', 'eth0'), undefined)
  assert.equal(neighbourOf('', '10.2.0.10', 'cbr0'), undefined)
  assert.equal(neighbourOf('x\n10.2.0.10 0x1 0x2 0a:58', '10.2.0.10', 'cbr0'), undefined)
})
