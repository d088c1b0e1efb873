import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { BlobFolder, type Compression } from './blob-folder.ts'
import { type LayerEntry, LayerEntryError, orderedEntries, ROOT_OWNER } from './layer-entry.ts'
import { entriesOfTree } from './tree-entries.ts'

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'podid-layer-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const file = (path: string, content: string, mode = 0o644): LayerEntry => ({
  kind: 'file',
  path,
  content,
  mode,
  ...ROOT_OWNER,
})

async function layerFile(layout: string, entries: Iterable<LayerEntry>, compression: Compression) {
  const blobs = new BlobFolder(layout)
  await blobs.create()
  const layer = await blobs.addLayer(entries, compression)
  const path = join(layout, 'blobs', 'sha256', layer.descriptor.digest.slice('sha256:'.length))
  return { ...layer, path }
}

function listed(path: string): string[] {
  return execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--full-time', '--file', path], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C.UTF-8' },
  })
    .trimEnd()
    .split('\n')
}

test('the real tar lists names in order, with time 0, numeric owners, modes and links as given', async (context) => {
  const { path } = await layerFile(
    folderOf(context),
    [
      { kind: 'symlink', path: 'usr/bin/sh', target: '/usr/bin/busybox', mode: 0o777, ...ROOT_OWNER },
      { ...file('home/app/data', 'abc', 0o640), uid: 65532, gid: 65531 },
      { kind: 'hardlink', path: 'usr/bin/copy', target: 'usr/bin/busybox', mode: 0o755, ...ROOT_OWNER },
      file('usr/bin/busybox', '#!', 0o4755),
      { kind: 'directory', path: 'tmp', mode: 0o1777, ...ROOT_OWNER },
    ],
    'none',
  )
  assert.deepEqual(
    listed(path).map((line) => line.replaceAll(/\s+/g, ' ')),
    [
      'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 home/',
      'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 home/app/',
      '-rw-r----- 65532/65531 3 1970-01-01 00:00:00 home/app/data',
      'drwxrwxrwt 0/0 0 1970-01-01 00:00:00 tmp/',
      'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 usr/',
      'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 usr/bin/',
      '-rwsr-xr-x 0/0 2 1970-01-01 00:00:00 usr/bin/busybox',
      'hrwxr-xr-x 0/0 0 1970-01-01 00:00:00 usr/bin/copy link to usr/bin/busybox',
      'lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 usr/bin/sh -> /usr/bin/busybox',
    ],
  )
})

test('names and links longer than any header field, and names in any script, come back from the real tar', async (context) => {
  const folder = folderOf(context)
  const long = ['a'.repeat(101), 'b'.repeat(255), 'c'.repeat(200)].join('/')
  const names = [
    long,
    `${'d/'.repeat(120)}e`,
    'f'.repeat(100),
    'g'.repeat(101),
    'ünï/名前',
    `${'é'.repeat(127)}x`,
  ]
  const links = names.map(
    (_, at): LayerEntry => ({
      kind: 'symlink',
      path: `links/${at}`,
      target: `../${names[at] ?? ''}`,
      mode: 0o777,
      ...ROOT_OWNER,
    }),
  )
  const { path } = await layerFile(folder, [...names.map((name) => file(name, name)), ...links], 'none')
  const out = join(folder, 'out')
  mkdirSync(out)
  execFileSync('tar', ['--extract', '--file', path, '--directory', out])
  for (const [at, name] of names.entries()) {
    assert.equal(readFileSync(join(out, name), 'utf8'), name)
    assert.equal(readFileSync(join(out, 'links', String(at)), 'utf8'), name, 'by its link')
  }
})

test('every length of a name around the borders of the tar format is read back', async (context) => {
  const names = [...Array(340).keys()]
    .map((at) => `${'n'.repeat(90)}/${'m'.repeat(at % 255)}${at}`)
    .filter((name) => name.split('/').every((each) => each.length <= 255))
  const { path } = await layerFile(
    folderOf(context),
    names.map((name) => file(name, '')),
    'none',
  )
  const found = execFileSync('tar', ['--list', '--file', path], { encoding: 'utf8' }).trimEnd().split('\n')
  assert.deepEqual(new Set(found), new Set([`${'n'.repeat(90)}/`, ...names]))
})

test('the same entries in any order give the same bytes, compressed or not', async (context) => {
  const folder = folderOf(context)
  const entries = [file('b', 'two'), file('a/c', 'one'), file('a-b', 'three')]
  for (const compression of ['gzip', 'none'] as const) {
    const one = await layerFile(join(folder, 'one'), entries, compression)
    const other = await layerFile(join(folder, 'other'), entries.toReversed(), compression)
    assert.deepEqual(one.descriptor, other.descriptor)
    assert.equal(one.diffId, other.diffId)
  }
  const plain = await layerFile(join(folder, 'one'), entries, 'none')
  const packed = await layerFile(join(folder, 'one'), entries, 'gzip')
  assert.equal(packed.diffId, plain.diffId)
  assert.equal(plain.diffId, plain.descriptor.digest)
  const bytes = readFileSync(packed.path)
  assert.deepEqual(gunzipSync(bytes), readFileSync(plain.path))
  assert.equal(bytes.readUInt32LE(4), 0, 'no time in the gzip header')
  assert.equal(bytes[9], 255, 'no operating system in the gzip header')
})

test('a change of content, mode, owner or target changes the digest', async (context) => {
  const folder = folderOf(context)
  const base = file('a', 'one')
  const variants: readonly LayerEntry[] = [
    base,
    file('a', 'two'),
    file('a', 'one', 0o600),
    { ...base, uid: 1 },
    { ...base, gid: 1 },
    { kind: 'symlink', path: 'a', target: 'b', mode: 0o777, ...ROOT_OWNER },
    { kind: 'symlink', path: 'a', target: 'c', mode: 0o777, ...ROOT_OWNER },
    { kind: 'directory', path: 'a', mode: 0o755, ...ROOT_OWNER },
  ]
  const digests: string[] = []
  for (const entry of variants) digests.push((await layerFile(folder, [entry], 'none')).diffId)
  assert.equal(new Set(digests).size, variants.length)
})

test('a tree on disk becomes entries with its modes, links and hard links, without what is left out', async (context) => {
  const folder = folderOf(context)
  const tree = join(folder, 'tree')
  mkdirSync(join(tree, 'bin'), { recursive: true })
  mkdirSync(join(tree, 'doc'), { recursive: true })
  writeFileSync(join(tree, 'bin', 'z-program'), 'x'.repeat(3_000_000))
  chmodSync(join(tree, 'bin', 'z-program'), 0o755)
  linkSync(join(tree, 'bin', 'z-program'), join(tree, 'bin', 'alias'))
  symlinkSync('z-program', join(tree, 'bin', 'link'))
  writeFileSync(join(tree, 'doc', 'page'), 'text')
  const entries = await entriesOfTree(tree, { include: (path) => path !== 'doc' })
  assert.deepEqual(
    entries.map(({ kind, path }) => [kind, path]),
    [
      ['directory', 'bin'],
      ['file', 'bin/alias'],
      ['symlink', 'bin/link'],
      ['hardlink', 'bin/z-program'],
    ],
  )
  const { path, tarSize } = await layerFile(join(folder, 'layout'), entries, 'gzip')
  assert.ok(tarSize > 3_000_000)
  const out = join(folder, 'out')
  mkdirSync(out)
  execFileSync('tar', ['--extract', '--file', path, '--directory', out])
  assert.equal(readFileSync(join(out, 'bin', 'link'), 'utf8').length, 3_000_000)
})

test('what no layer may hold is refused with the path in the message', () => {
  const refused: readonly (readonly [LayerEntry[], RegExp])[] = [
    [[file('/etc/passwd', '')], /not a plain path below the root/],
    [[file('a/../../etc', '')], /not a plain path below the root/],
    [[file('', '')], /not a plain path below the root/],
    [[file('a//b', '')], /not a plain path below the root/],
    [[file('a/', '')], /not a plain path below the root/],
    [[file('a\0b', '')], /control character/],
    [[file('a\nb', '')], /control character/],
    [[file('\ud800', '')], /no Unicode/],
    [[file(`${'a/'.repeat(2_048)}b`, '')], /path too long/],
    [[file('n'.repeat(256), '')], /name too long/],
    [[file('etc/.wh.passwd', '')], /whiteout/],
    [[file('a', '', 0)], /no mode/],
    [[file('a', '', 0o10000)], /no mode/],
    [[{ ...file('a', ''), uid: -1 }], /no user id/],
    [[{ ...file('a', ''), gid: 1.5 }], /no group id/],
    [[{ kind: 'symlink', path: 'a', target: '', mode: 0o777, ...ROOT_OWNER }], /no target/],
    [[file('a', ''), file('a', '')], /two entries for a/],
    [[file('a', ''), file('a/b', '')], /a\/b lies below a, which is a file/],
    [
      [{ kind: 'hardlink', path: 'b', target: 'a', mode: 0o644, ...ROOT_OWNER }],
      /no file that stands before/,
    ],
    [
      [file('b', ''), { kind: 'hardlink', path: 'a', target: 'b', mode: 0o644, ...ROOT_OWNER }],
      /no file that stands before/,
    ],
  ]
  for (const [entries, message] of refused) {
    assert.throws(
      () => orderedEntries(entries),
      (thrown) => {
        assert.ok(thrown instanceof LayerEntryError)
        assert.match(thrown.message, message)
        return true
      },
    )
  }
})

test('a file that cannot be read ends the layer with its error, and leaves nothing behind', async (context) => {
  const folder = folderOf(context)
  const gone: LayerEntry = {
    ...ROOT_OWNER,
    kind: 'file',
    path: 'a',
    mode: 0o644,
    content: { file: join(folder, 'gone') },
  }
  await assert.rejects(layerFile(folder, [gone], 'gzip'), { code: 'ENOENT' })
  assert.equal(execFileSync('find', [folder, '-type', 'f'], { encoding: 'utf8' }), '')
})
