import { createHash } from 'node:crypto'
import type { DebianPackage } from '../debian/package-list.ts'
import type { Architecture } from '../oci/image-layout.ts'
import type { BundledPackage } from './bundled-packages.ts'

export interface Materials {
  readonly version: string
  readonly architecture: Architecture
  readonly created: Date
  readonly npm: readonly BundledPackage[]
  readonly debian: readonly DebianPackage[]
  readonly node: {
    readonly package: string
    readonly version: string
    /** What is built into the binary, as `process.versions` tells it. */
    readonly parts: Readonly<Record<string, string | undefined>>
  }
}

/** The major version of Debian that the packages are of; scanners need it to find their advisories. */
const DEBIAN = 'debian-12'

interface Component {
  readonly type: string
  readonly 'bom-ref': string
  readonly name: string
  readonly version: string
  readonly [member: string]: unknown
}

/**
 * What the image consists of, as a CycloneDX 1.6 document: the npm packages in the bundle, the Debian
 * packages, Node with the libraries inside it. The same materials give the same text.
 * The format: https://cyclonedx.org/docs/1.6/json/; purl: https://github.com/package-url/purl-spec
 */
export function billOfMaterials(materials: Materials): string {
  const { version, architecture, created } = materials
  const components = [
    ...materials.npm.map(npmComponent),
    ...materials.debian.map(debianComponent),
    nodeComponent(materials.node),
  ]
  const image = {
    type: 'container',
    'bom-ref': `podid@${version}-${architecture}`,
    name: 'podid',
    version,
    licenses: [{ license: { id: 'Apache-2.0' } }],
    properties: [{ name: 'architecture', value: architecture }],
  }
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify([image, components]))}`,
    version: 1,
    metadata: { timestamp: created.toISOString(), component: image },
    components,
    dependencies: [
      { ref: image['bom-ref'], dependsOn: components.map((each) => each['bom-ref']) },
      ...components.map((each) => ({ ref: each['bom-ref'] })),
    ],
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function npmComponent({ name, version, licence }: BundledPackage): Component {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    licenses: [{ expression: licence }],
  }
}

function debianComponent({ name, version, architecture, sha256 }: DebianPackage): Component {
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}&distro=${DEBIAN}`
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    licenses: [{ license: { name: `/usr/share/doc/${name}/copyright in the image` } }],
  }
}

function nodeComponent({ package: name, version, parts }: Materials['node']): Component {
  const purl = `pkg:npm/${name}@${version}`
  const inside = Object.entries(parts).filter(
    ([part]) => part !== 'node' && part !== 'modules' && part !== 'napi',
  )
  return {
    type: 'platform',
    'bom-ref': purl,
    name: 'node',
    version,
    purl,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    licenses: [{ license: { name: '/licenses/node/LICENSE in the image' } }],
    components: inside
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([part, of]) => ({
        type: 'library',
        'bom-ref': `${purl}#${part}`,
        name: part,
        version: of ?? '',
      })),
  }
}

/** A UUID that says the same of the same content (version 8 of RFC 9562: the maker's own). */
function uuidOf(content: string): string {
  const hex = createHash('sha256').update(content).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
