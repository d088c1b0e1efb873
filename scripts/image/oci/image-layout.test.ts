import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type ImageSource, ImageSourceError, writeArchive, writeLayout } from './image-layout.ts'
import { type LayerEntry, ROOT_OWNER } from './layer-entry.ts'

const NAME = 'registry.test:5000/podid/podid:1.2'

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'podid-layout-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function source(change: Partial<ImageSource> = {}): ImageSource {
  const entry: LayerEntry = { kind: 'file', path: 'app', content: 'x', mode: 0o755, ...ROOT_OWNER }
  const layers = [
    { entries: [entry], compression: 'gzip', madeBy: 'the program' },
    { entries: [{ ...entry, path: 'big' }], compression: 'none', madeBy: 'the rest' },
  ] as const
  const run = {
    user: '65532:65532',
    entrypoint: ['/app'],
    command: ['help'],
    env: ['A=b'],
    workingDir: '/',
    labels: { b: '2', a: '1' },
  }
  return {
    names: [NAME],
    created: new Date('2026-01-02T03:04:05Z'),
    annotations: { z: '1', a: '2' },
    platforms: [
      { architecture: 'amd64', layers, run },
      { architecture: 'arm64', layers, run },
    ],
    ...change,
  }
}

/** A document of the layout, after its bytes were held against its digest. */
function blob(folder: string, digest: string): Record<string, unknown> {
  const bytes = readFileSync(join(folder, 'blobs', 'sha256', digest.slice('sha256:'.length)))
  assert.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, digest)
  return JSON.parse(bytes.toString()) as Record<string, unknown>
}

test('a layout names the image twice, leads over an index of platforms to manifests, and every digest is right', async (context) => {
  const folder = folderOf(context)
  const written = await writeLayout(folder, source())
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 'oci-layout'), 'utf8')), {
    imageLayoutVersion: '1.0.0',
  })
  const list = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { manifests: unknown[] }
  assert.deepEqual(list.manifests, [
    {
      mediaType: 'application/vnd.oci.image.index.v1+json',
      digest: written.digest,
      size: JSON.stringify(blob(folder, written.digest)).length,
      annotations: { 'io.containerd.image.name': NAME, 'org.opencontainers.image.ref.name': '1.2' },
    },
  ])
  const index = blob(folder, written.digest)
  const manifests = index['manifests'] as { digest: string; platform: unknown }[]
  assert.deepEqual(
    manifests.map(({ platform }) => platform),
    [
      { architecture: 'amd64', os: 'linux' },
      { architecture: 'arm64', os: 'linux' },
    ],
  )
  const amd = written.platforms[0]
  assert.ok(amd)
  assert.equal(manifests[0]?.digest, amd.digest)
  const manifest = blob(folder, amd.digest)
  assert.deepEqual(
    manifest['layers'],
    amd.layers.map(({ descriptor }) => descriptor),
  )
  assert.deepEqual(
    amd.layers.map(({ descriptor }) => descriptor.mediaType),
    ['application/vnd.oci.image.layer.v1.tar+gzip', 'application/vnd.oci.image.layer.v1.tar'],
  )
  const config = blob(folder, (manifest['config'] as { digest: string }).digest)
  assert.deepEqual(config, {
    created: '2026-01-02T03:04:05.000Z',
    architecture: 'amd64',
    os: 'linux',
    config: {
      User: '65532:65532',
      Env: ['A=b'],
      Entrypoint: ['/app'],
      Cmd: ['help'],
      WorkingDir: '/',
      Labels: { a: '1', b: '2' },
    },
    rootfs: { type: 'layers', diff_ids: amd.layers.map(({ diffId }) => diffId) },
    history: [
      { created: '2026-01-02T03:04:05.000Z', created_by: 'the program' },
      { created: '2026-01-02T03:04:05.000Z', created_by: 'the rest' },
    ],
  })
})

test('the same source gives the same archive, byte for byte, whatever was in the folder before', async (context) => {
  const folder = folderOf(context)
  const [one, other] = [join(folder, 'one'), join(folder, 'other')]
  await writeLayout(other, source({ created: new Date(0) }))
  for (const layout of [one, other]) {
    await writeLayout(layout, source())
    await writeArchive(layout, `${layout}.tar`)
  }
  assert.deepEqual(readFileSync(`${one}.tar`), readFileSync(`${other}.tar`))
  const names = execFileSync('tar', ['--list', '--file', `${one}.tar`], { encoding: 'utf8' })
    .trimEnd()
    .split('\n')
  assert.deepEqual(
    names.filter((name) => !name.startsWith('blobs/sha256/') || name.endsWith('/')),
    ['blobs/', 'blobs/sha256/', 'index.json', 'oci-layout'],
  )
})

test('an archive that fails is not there, and an older one stays', async (context) => {
  const folder = folderOf(context)
  const archive = join(folder, 'image.tar')
  await assert.rejects(writeArchive(join(folder, 'gone'), archive), { code: 'ENOENT' })
  assert.equal(existsSync(archive), false)
})

test('names without host or tag, no platform and a platform twice are refused', async (context) => {
  const folder = join(folderOf(context), 'layout')
  const [first] = source().platforms
  assert.ok(first)
  const refused: readonly ImageSource[] = [
    source({ names: [] }),
    source({ names: ['podid'] }),
    source({ names: ['registry.test/podid'] }),
    source({ names: ['registry.test/Podid:1'] }),
    source({ names: ['registry.test/podid:1/2'] }),
    source({ platforms: [] }),
    source({ platforms: [first, first] }),
  ]
  for (const each of refused) await assert.rejects(writeLayout(folder, each), ImageSourceError)
  assert.equal(existsSync(folder), false)
})
