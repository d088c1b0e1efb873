import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { FakeLinks } from '../../../test/fakes/fake-links.ts'
import { createLinkFiles, type LinkFiles } from './link-files.ts'
import { createLinkTable } from './link-table.ts'

const POD = '10.244.0.10'
/** As kubenet makes it of the address. */
const MAC = '0a:58:0a:f4:00:0a'

function setting() {
  const clock = new FakeClock()
  const links = new FakeLinks()
  return { clock, links, table: createLinkTable({ files: links, clock }) }
}

test('a routed pod is on its device, and the next one of its address and name is on another', async () => {
  const { clock, links, table } = setting()
  links.route(POD, 'azv1')
  const first = table.locate(POD)
  assert.deepEqual(first, { device: 'azv1', id: 101, bridged: false })
  links.remove('azv1')
  links.route(POD, 'azv1')
  await clock.advance(5)
  assert.deepEqual(table.locate(POD), { device: 'azv1', id: 102, bridged: false })
})

test('a pod on a bridge is on the port that its hardware address was heard from, as soon as it was', async () => {
  const { clock, links, table } = setting()
  links.plug('veth1')
  links.plug('veth2')
  assert.equal(table.locate(POD), 'unheard')
  links.hear('veth2', POD)
  await clock.advance(5)
  assert.deepEqual(table.locate(POD), { device: 'veth2', id: 102, bridged: true, mac: MAC })
  links.hear('veth1', POD)
  await clock.advance(5)
  assert.deepEqual(table.locate(POD), { device: 'veth1', id: 101, bridged: true, mac: MAC })
})

test('a port number that was given again is the new device', async () => {
  const { clock, links, table } = setting()
  links.plug('veth1')
  links.hear('veth1', POD)
  assert.deepEqual(table.locate(POD), { device: 'veth1', id: 101, bridged: true, mac: MAC })
  links.remove('veth1')
  await clock.advance(5)
  assert.equal(table.locate(POD), 'unheard')
  links.plug('veth9')
  links.hear('veth9', POD)
  await clock.advance(5)
  assert.deepEqual(table.locate(POD), { device: 'veth9', id: 102, bridged: true, mac: MAC })
})

test('where the files tell nothing the place is unknown: gateways, IPv6 on a bridge, no files', () => {
  const { links, table, clock } = setting()
  assert.equal(table.locate('203.0.113.7'), 'unknown')
  assert.equal(table.locate('fd00::a'), 'unknown')
  links.bridged = false
  table.refresh()
  assert.equal(table.locate(POD), 'unknown')
  const none: LinkFiles = { read: () => undefined, names: () => [], inode: () => undefined }
  assert.equal(createLinkTable({ files: none, clock }).locate(POD), 'unknown')
})

test('a table of routes that is too long is told apart from one that shows nothing', () => {
  const { links, table } = setting()
  links.route(POD, 'azv1')
  links.overlong = true
  assert.equal(table.locate(POD), 'overlong')
})

test('files are read once for all that ask within some milliseconds, and anew after a refresh', async () => {
  const { clock, links, table } = setting()
  links.route(POD, 'azv1')
  links.route('10.244.0.11', 'azv2')
  for (let i = 0; i < 100; i += 1) table.locate(POD)
  const once = links.reads
  for (let i = 0; i < 100; i += 1) table.locate('10.244.0.11')
  assert.ok(links.reads <= once + 1, String(links.reads))
  await clock.advance(4)
  table.locate(POD)
  assert.ok(links.reads <= once + 1)
  table.refresh()
  table.locate(POD)
  assert.ok(links.reads > once + 1)
})

test('reading that takes long is done less often, and at least ten times a second', () => {
  const links = new FakeLinks()
  links.route(POD, 'azv1')
  let time = 0
  const clock = new FakeClock()
  clock.monotonic = () => time
  const slow: LinkFiles = {
    read(path) {
      time += 50
      return links.read(path)
    },
    names: () => [],
    inode: (path) => links.inode(path),
  }
  const table = createLinkTable({ files: slow, clock })
  table.locate(POD)
  const after = time
  table.locate(POD)
  assert.equal(time, after)
  time += 100
  table.locate(POD)
  assert.ok(time > after + 100)
})

test('the real files of this machine are read: bounded, and missing ones are no error', () => {
  const files = createLinkFiles()
  assert.match(files.read('/proc/net/route')?.bytes.toString('latin1') ?? '', /^Iface\tDestination/)
  assert.equal(files.read('/proc/net/none'), undefined)
  assert.deepEqual(files.names('/sys/class/none'), [])
  assert.ok(files.names('/sys/class/net').includes('lo'))
  assert.ok((files.inode('/sys/class/net/lo') ?? 0) > 0)
  assert.equal(files.inode('/sys/class/net/none'), undefined)
  const endless = files.read('/dev/zero')
  assert.equal(endless?.whole, false)
  assert.equal(endless?.bytes.length, 4 * 1024 * 1024)
})
