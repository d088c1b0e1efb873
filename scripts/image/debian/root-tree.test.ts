import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Apt, DebianPackageError } from './apt.ts'
import type { DebianPackage } from './package-list.ts'
import { debianEntries, statusEntries, unpackRoot } from './root-tree.ts'

const missing = ['apt-get', 'dpkg-deb'].filter((program) => spawnSync(program, ['--version']).status !== 0)
const skip = missing.length > 0 ? `no Debian: ${missing.join(', ')}` : false

interface Shape {
  readonly name: string
  readonly version?: string
  readonly depends?: string
  readonly files?: Readonly<Record<string, string>>
  readonly links?: Readonly<Record<string, string>>
}

/** A mirror of a few packages in a folder, and an apt that knows no other. */
function mirrorOf(context: TestContext, shapes: readonly Shape[]) {
  const folder = mkdtempSync(join(tmpdir(), 'podid-debian-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  const mirror = join(folder, 'mirror')
  mkdirSync(mirror)
  function publish(of: readonly Shape[]): void {
    writeFileSync(join(mirror, 'Packages'), of.map((each) => buildPackage(folder, mirror, each)).join('\n'))
  }
  publish(shapes)
  const sources = join(folder, 'sources.list')
  writeFileSync(sources, `deb [trusted=yes] file:${mirror} ./\n`)
  const apt = (cache = 'cache'): Apt => new Apt('amd64', { cache: join(folder, cache), sources })
  return { folder, apt, publish }
}

/** Builds a package into the mirror and gives its paragraph of the list. */
function buildPackage(folder: string, mirror: string, shape: Shape): string {
  const { name, version = '1.0-1', depends, files = {}, links = {} } = shape
  const tree = mkdtempSync(join(folder, `${name}-`))
  const control = [
    `Package: ${name}`,
    `Version: ${version}`,
    'Architecture: amd64',
    'Maintainer: Nobody <nobody@example.test>',
    ...(depends === undefined ? [] : [`Depends: ${depends}`]),
    `Description: ${name}`,
  ].join('\n')
  for (const [path, content] of Object.entries({ ...files, 'DEBIAN/control': `${control}\n` })) {
    mkdirSync(join(tree, dirname(path)), { recursive: true })
    writeFileSync(join(tree, path), content)
  }
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(tree, path))
  const file = join(mirror, `${name}_${version.replace(':', '%3a')}_amd64.deb`)
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, file], { stdio: 'ignore' })
  const bytes = readFileSync(file)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const place = file.slice(mirror.length + 1)
  return `${control}\nFilename: ./${place}\nSize: ${bytes.byteLength}\nSHA256: ${sha256}\n`
}

test('apt resolves a package with what it depends on, with versions and digests, and without what is installed here', {
  skip,
}, async (context) => {
  const { apt } = mirrorOf(context, [
    { name: 'program', depends: 'library (>= 1:2)' },
    { name: 'library', version: '1:2.0~rc1+b2' },
    { name: 'library-doc' },
  ])
  const found = await apt().resolve({ names: ['program'], dependencies: true })
  assert.deepEqual(
    found.map(({ name, version, architecture }) => [name, version, architecture]),
    [
      ['library', '1:2.0~rc1+b2', 'amd64'],
      ['program', '1.0-1', 'amd64'],
    ],
  )
  const exactly = await apt().resolve({ names: ['program'], dependencies: false })
  assert.deepEqual(exactly, [found[1]])
  await assert.rejects(apt().resolve({ names: ['nothing-such'], dependencies: false }), DebianPackageError)
})

test('packages are merged into /usr, keep their links and copyright, and lose what no image needs', {
  skip,
}, async (context) => {
  const { apt, folder } = mirrorOf(context, [
    {
      name: 'library',
      files: {
        'lib/x86_64-linux-gnu/libone.so.1': 'ELF',
        'usr/share/doc/library/copyright': 'GPL',
        'usr/share/doc/library/changelog.gz': 'long',
        'usr/share/man/man1/one.1': 'manual',
      },
      links: { 'lib/x86_64-linux-gnu/libone.so': 'libone.so.1' },
    },
    {
      name: 'ca-certificates',
      files: {
        'usr/share/ca-certificates/mozilla/B.crt': 'B',
        'usr/share/ca-certificates/mozilla/A.crt': 'A\n',
      },
    },
  ])
  const packages = await apt().resolve({ names: ['library', 'ca-certificates'], dependencies: false })
  const root = join(folder, 'root')
  await unpackRoot({ apt: apt(), packages, folder: root })
  assert.equal(readlinkSync(join(root, 'lib')), 'usr/lib')
  const entries = await debianEntries(root)
  const kept = entries.filter(({ kind }) => kind !== 'directory').map(({ kind, path }) => `${kind} ${path}`)
  assert.deepEqual(kept.sort(), [
    'file etc/ssl/certs/ca-certificates.crt',
    'file usr/lib/x86_64-linux-gnu/libone.so.1',
    'file usr/share/ca-certificates/mozilla/A.crt',
    'file usr/share/ca-certificates/mozilla/B.crt',
    'file usr/share/doc/library/copyright',
    'symlink bin',
    'symlink lib',
    'symlink lib64',
    'symlink sbin',
    'symlink usr/lib/x86_64-linux-gnu/libone.so',
  ])
  const bundle = entries.find(({ path }) => path === 'etc/ssl/certs/ca-certificates.crt')
  assert.equal(bundle?.kind === 'file' && bundle.content, 'A\nB\n')
  const [first] = await statusEntries({ apt: apt(), packages })
  assert.match(
    first?.kind === 'file' && typeof first.content === 'string' ? first.content : '',
    /^Package: ca-certificates\nStatus: install ok installed\nVersion: 1\.0-1\n/,
  )
})

test('a version that left the mirror, and a file with another digest, are refused by name; what is in the cache is not asked for', {
  skip,
}, async (context) => {
  const { apt, publish } = mirrorOf(context, [{ name: 'library' }])
  const packages = await apt().resolve({ names: ['library'], dependencies: false })
  const [locked] = packages
  assert.ok(locked)
  const files = await apt().fetch(packages)
  assert.equal(
    createHash('sha256')
      .update(readFileSync(files[0] ?? ''))
      .digest('hex'),
    locked.sha256,
  )
  publish([{ name: 'library', version: '1.0-2' }])
  assert.deepEqual(await apt().fetch(packages), files)
  await assert.rejects(apt('empty').fetch(packages), (thrown) => {
    assert.ok(thrown instanceof DebianPackageError)
    assert.match(thrown.message, /Debian mirror: .*1\.0-1.*library/s)
    return true
  })
  const other: DebianPackage = { ...locked, version: '1.0-2', sha256: '0'.repeat(64) }
  await assert.rejects(
    apt('empty').fetch([other]),
    /library 1\.0-2 \(amd64\) from the mirror is not the file with sha256 0000/,
  )
})
