import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { isDeviceName } from './device-name.ts'
import { portOf } from './forwarding.ts'
import type { LinkFiles } from './link-files.ts'
import { createLinkTable } from './link-table.ts'
import { neighbourOf } from './neighbours.ts'
import { hostRoutes6, routes4 } from './routes.ts'

const ADDRESS = '10.2.0.10'
const fragments = fc.constantFrom(
  'cbr0',
  '0A00020A',
  '0000020A',
  '00000000',
  'FFFFFFFF',
  '00FFFFFF',
  '0005',
  '0001',
  '\t',
  '\t\t',
  '\n',
  ' ',
  ADDRESS,
  '0x2',
  '0a:58:0a:02:00:0a',
  '..',
  '/',
)
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.array(fragments, { maxLength: 80 }).map((parts) => parts.join('')),
)

test('whatever is in the files, a device that comes out is a possible name, and nothing throws', () => {
  fc.assert(
    fc.property(text, (written) => {
      for (const route of [routes4(written)(ADDRESS), hostRoutes6(written)('fd00::a')])
        assert.ok(route === undefined || isDeviceName(route.device))
      const mac = neighbourOf(written, ADDRESS, 'cbr0')
      assert.ok(mac === undefined || /^[0-9a-f:]{17}$/.test(mac))
    }),
  )
})

test('whatever a bridge has heard, a port is told only when one whole entry names it', () => {
  const mac = '0a:58:0a:02:00:0a'
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.constant(new Uint8Array([0x0a, 0x58, 0x0a, 0x02, 0x00, 0x0a, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const entries = Buffer.concat(pieces)
      const ports = new Set<number>()
      for (let at = 0; at + 16 <= entries.length; at += 16) {
        const entry = entries.subarray(at, at + 16)
        if (entry.subarray(0, 6).toString('hex') !== mac.replaceAll(':', '')) continue
        ports.add(entry.readUInt8(7) !== 0 ? -1 : entry.readUInt8(6) + 256 * entry.readUInt8(12))
      }
      const [only] = ports
      assert.equal(portOf(entries, mac), ports.size === 1 && only !== -1 ? only : undefined)
    }),
  )
})

test('a route found by its own row is the one that a walk over all rows finds', () => {
  const byte = fc.constantFrom(0, 1, 10, 128, 255)
  const address = fc.tuple(byte, byte, byte, byte)
  const route = fc.record({
    address,
    bits: fc.constantFrom(0, 8, 9, 16, 24, 31, 32),
    flags: fc.constantFrom(1, 3, 5, 0x201),
  })
  fc.assert(
    fc.property(fc.array(route, { maxLength: 12 }), address, (routes, wanted) => {
      const number = (parts: readonly number[]): number => parts.reduce((sum, part) => sum * 256 + part, 0)
      const maskOf = (bits: number): number => (bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0)
      const word = (value: number): string => {
        const buffer = Buffer.alloc(4)
        buffer.writeUInt32LE(value)
        return buffer.toString('hex').toUpperCase()
      }
      const rows = routes.map(({ address: parts, bits, flags }, index) => {
        const network = (number(parts) & maskOf(bits)) >>> 0
        return { device: `d${index}`, network, mask: maskOf(bits), flags }
      })
      const head = 'Iface\tDestination\n'
      const written = rows.map(
        ({ device, network, mask, flags }) =>
          `${device}\t${word(network)}\t00000000\t${flags.toString(16).padStart(4, '0')}\t0\t0\t0\t${word(mask)}\t0\t0\t0   \n`,
      )
      let best: (typeof rows)[number] | undefined
      for (const each of rows) {
        if ((number(wanted) & each.mask) >>> 0 !== each.network) continue
        if (best === undefined || each.mask > best.mask) best = each
      }
      const expected =
        best !== undefined && (best.flags & 1) === 1 && (best.flags & 0x202) === 0 ? best.device : undefined
      assert.equal(routes4(head + written.join(''))(wanted.join('.'))?.device, expected)
    }),
  )
})

test('a table of hostile files tells a place or none, and never asks for a path outside its folders', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 4, maxLength: 4 }), (texts) => {
      let turn = 0
      const next = (): string => texts[turn++ % texts.length] ?? ''
      const seen: string[] = []
      const files: LinkFiles = {
        read: (path) => {
          seen.push(path)
          return { bytes: Buffer.from(next()), whole: true }
        },
        names: (path) => {
          seen.push(path)
          return next().split('\n')
        },
        inode: (path) => {
          seen.push(path)
          return 7
        },
      }
      const place = createLinkTable({ files, clock: new FakeClock() }).locate(ADDRESS)
      assert.ok(typeof place === 'string' || isDeviceName(place.device))
      for (const path of seen) assert.match(path, /^\/(?:proc\/net|sys\/class\/net)\/[^.]/)
      assert.ok(!seen.some((path) => path.split('/').includes('..')))
    }),
  )
})
