import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostRoutes6, routes4 } from './routes.ts'

const row = (text: string): string => `${text.padEnd(127)}\n`
const HEAD = row('Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT')

/** As Linux 6.18 wrote it in a namespace with one routed pod, a bridge, a gateway and a rejecting route. */
const ROUTES =
  HEAD +
  row('eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0') +
  row('azv1\t0A00010A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0') +
  row('cbr0\t0000020A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0') +
  row('*\t0000030A\t00000000\t0201\t0\t0\t0\t00FFFFFF\t0\t0\t0')

const ROUTES6 = [
  'fd000002000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     cbr0',
  'fd000001000000000000000000000010 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00000001     azv1',
  'fd000001000000000000000000000011 80 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0',
  '00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo',
  'fd000002000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001     cbr0',
]
  .map((line) => `${line}\n`)
  .join('')

test('a pod with a route of its own is on the device of that route', () => {
  assert.deepEqual(routes4(ROUTES)('10.1.0.10'), { device: 'azv1', host: true })
})

test('a pod on a bridge is behind the route of its network', () => {
  assert.deepEqual(routes4(ROUTES)('10.2.0.77'), { device: 'cbr0', host: false })
})

test('what is behind a gateway, rejected or in no table is on no link', () => {
  assert.equal(routes4(ROUTES)('10.1.0.11'), undefined)
  assert.equal(routes4(ROUTES)('10.3.0.1'), undefined)
  assert.equal(routes4(HEAD)('10.1.0.10'), undefined)
  assert.equal(routes4('')('10.1.0.10'), undefined)
})

test('the longest prefix decides, and of equal ones the first, whatever comes after', () => {
  const more =
    ROUTES +
    row('wide\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0') +
    row('later\t0A00010A\t00000000\t0005\t0\t0\t9\tFFFFFFFF\t0\t0\t0') +
    row('*\t0B00010A\t00000000\t0205\t0\t0\t0\tFFFFFFFF\t0\t0\t0')
  assert.equal(routes4(more)('10.1.0.10')?.device, 'azv1')
  assert.equal(routes4(more)('10.2.0.1')?.device, 'cbr0')
  assert.equal(routes4(more)('10.9.0.1')?.device, 'wide')
  assert.equal(routes4(more)('10.1.0.11'), undefined)
})

test('an address that is a gateway of another route is not taken for its destination', () => {
  const text = `${HEAD}${row('eth0\t00000000\t0A00010A\t0003\t0\t0\t0\t00000000\t0\t0\t0')}`
  assert.equal(routes4(text)('10.1.0.10'), undefined)
})

test('rows that are no routes, and names that are no devices, are passed over', () => {
  const text = `${HEAD}${row('a/b\t0A00010A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0')}nonsense\n\t\t\t\n`
  assert.equal(routes4(text)('10.1.0.10'), undefined)
})

test('an IPv6 pod with a route of its own is on its device; own addresses, gateways and wider routes are not', () => {
  assert.deepEqual(hostRoutes6(ROUTES6)('fd00:1::10'), { device: 'azv1', host: true })
  for (const address of ['fd00:1::11', 'fd00:2::10', 'fd00:2::1', '::1', 'fd00:1::1'])
    assert.equal(hostRoutes6(ROUTES6)(address), undefined)
  assert.equal(hostRoutes6('')('fd00:1::10'), undefined)
})
