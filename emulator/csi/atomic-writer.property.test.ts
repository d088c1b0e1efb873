import assert from 'node:assert/strict'
import { lstat, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { type VolumeFile, writeVolume } from './atomic-writer.ts'

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'podid-volume-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const file = (path: string, contents: string, mode = 0o644): VolumeFile => ({
  path,
  mode,
  contents: Buffer.from(contents),
})

/** Files as a pod sees them: over the visible names, without what begins with `..`. */
async function seen(folder: string, below = ''): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const name of await readdir(join(folder, below))) {
    if (below === '' && name.startsWith('..')) continue
    const path = below === '' ? name : `${below}/${name}`
    if ((await stat(join(folder, path))).isDirectory()) {
      for (const [each, text] of await seen(folder, path)) found.set(each, text)
    } else found.set(path, await readFile(join(folder, path), 'utf8'))
  }
  return found
}

test('the first write makes links through ..data into a folder named after the time', () =>
  inFolder(async (folder) => {
    const clock = new FakeClock({ now: Date.UTC(2026, 1, 3, 4, 5, 6) })
    assert.equal(await writeVolume(folder, [file('db', 'x', 0o400), file('tls/tls.key', 'y')], clock), true)
    assert.equal(await readlink(join(folder, 'db')), '..data/db')
    assert.equal(await readlink(join(folder, 'tls')), '..data/tls')
    const data = await readlink(join(folder, '..data'))
    assert.match(data, /^\.\.2026_02_03_04_05_06\./)
    assert.equal((await stat(join(folder, data))).mode & 0o777, 0o755)
    assert.equal((await stat(join(folder, 'db'))).mode & 0o777, 0o400)
  }))

test('a mode alone changes nothing, as in the driver', () =>
  inFolder(async (folder) => {
    const clock = new FakeClock()
    await writeVolume(folder, [file('db', 'x', 0o644)], clock)
    assert.equal(await writeVolume(folder, [file('db', 'x', 0o400)], clock), false)
    assert.equal((await stat(join(folder, 'db'))).mode & 0o777, 0o644)
  }))

test('a file that stands where a link belongs gives way', () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, 'db'), 'written by a provider of old')
    await writeVolume(folder, [file('db', 'new')], new FakeClock())
    assert.ok((await lstat(join(folder, 'db'))).isSymbolicLink())
    assert.equal(await readFile(join(folder, 'db'), 'utf8'), 'new')
  }))

test('files that cannot be together leave the volume as it is', () =>
  inFolder(async (folder) => {
    const clock = new FakeClock()
    await writeVolume(folder, [file('db', 'x')], clock)
    await assert.rejects(writeVolume(folder, [file('db', 'x'), file('db/0', 'y')], clock))
    assert.deepEqual(await seen(folder), new Map([['db', 'x']]))
    assert.equal((await readdir(folder)).filter((name) => name.startsWith('..2')).length, 1)
  }))

const name = fc.constantFrom('a', 'b', 'c')
/** Paths of two lengths whose first names differ, so that no file is the folder of another. */
const path = fc.oneof(
  name,
  fc.tuple(fc.constantFrom('d', 'e'), name).map((names) => names.join('/')),
)
const volume = fc
  .dictionary(path, fc.constantFrom('1', '2', ''), { minKeys: 1, maxKeys: 5, noNullPrototype: true })
  .map((files) => new Map(Object.entries(files)))

test('after any sequence of writes the volume holds the last files and nothing else', () =>
  fc.assert(
    fc.asyncProperty(fc.array(volume, { minLength: 1, maxLength: 5 }), (volumes) =>
      inFolder(async (folder) => {
        const clock = new FakeClock()
        let before: Map<string, string> | undefined
        for (const wanted of volumes) {
          const written = await writeVolume(
            folder,
            [...wanted].map(([path, contents]) => file(path, contents)),
            clock,
          )
          const sorted = (files: Map<string, string>): [string, string][] => [...files].sort()
          assert.deepEqual(sorted(await seen(folder)), sorted(wanted))
          const unchanged =
            before !== undefined && JSON.stringify(sorted(before)) === JSON.stringify(sorted(wanted))
          assert.equal(written, !unchanged)
          assert.equal((await readdir(folder)).filter((name) => name.startsWith('..')).length, 2)
          before = wanted
        }
      }),
    ),
    { numRuns: 40 },
  ))
