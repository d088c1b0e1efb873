import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as v from 'valibot'
import { cacheFolder } from '../cache-folder.ts'
import { CommandFailed, run } from '../command.ts'
import type { Architecture } from '../oci/image-layout.ts'
import { type DebianPackage, debianPackages, type PackageWish } from './package-list.ts'

/** A package that the mirror does not have (any more), or that is not what the lock file says. */
export class DebianPackageError extends Error {}

export interface AptOptions {
  /** Where lists and packages are kept; podid's cache when not given. */
  readonly cache?: string
  /** A sources.list instead of this machine's own. */
  readonly sources?: string
}

/** `'address' name_version_architecture.deb size SHA256:digest`, as apt-get prints with --print-uris. */
const PRINTED = /^'[^']+' ([a-z0-9.+-]+)_([^_ ]+)_(amd64|arm64|all)\.deb \d+ SHA256:([0-9a-f]{64})$/

/**
 * The machine's apt with a state of its own: it asks the mirrors that this machine is configured for and
 * checks their signatures, but knows of no installed package and changes nothing on the machine. So it
 * serves any architecture, and needs no root.
 */
export class Apt {
  readonly architecture: Architecture
  readonly #folder: string
  readonly #packages: string
  readonly #options: readonly string[]
  #ready: Promise<void> | undefined

  constructor(architecture: Architecture, { cache = cacheFolder('debian'), sources }: AptOptions = {}) {
    this.architecture = architecture
    this.#folder = join(cache, 'apt', architecture)
    this.#packages = join(cache, 'packages')
    const settings = {
      'Dir::State': join(this.#folder, 'state'),
      'Dir::State::status': join(this.#folder, 'status'),
      'Dir::Cache': join(this.#folder, 'cache'),
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      // Empty: a package's recommendations and this machine's hooks are none of an image's.
      'APT::Install-Recommends': 'false',
      'APT::Update::Post-Invoke': '',
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
      'Acquire::ForceHash': 'SHA256',
      ...(sources === undefined ? {} : { 'Dir::Etc::SourceList': sources, 'Dir::Etc::SourceParts': '-' }),
    }
    this.#options = ['-qq', ...Object.entries(settings).map(([name, value]) => `--option=${name}=${value}`)]
  }

  /** What the mirror has now for a wish. @throws DebianPackageError when it lacks one. */
  async resolve(wish: PackageWish): Promise<DebianPackage[]> {
    const action = wish.dependencies ? ['install', '--yes'] : ['download']
    const printed = await this.#ask([...action, '--print-uris', ...wish.names])
    const found = printed
      .trim()
      .split('\n')
      .map((line) => {
        const [, name, version = '', architecture, sha256] = PRINTED.exec(line) ?? []
        return { name, version: decodeURIComponent(version), architecture, sha256 }
      })
      .sort((one, other) => (String(one.name) < String(other.name) ? -1 : 1))
    return v.parse(debianPackages, found)
  }

  /**
   * Downloads packages that are not in the cache yet and gives their files, checked against their digests.
   * @throws DebianPackageError when a version left the mirror, or a file is not what the list says.
   */
  async fetch(packages: readonly DebianPackage[]): Promise<readonly string[]> {
    const kept = this.#packages
    await mkdir(kept, { recursive: true })
    const fileOf = (each: DebianPackage): string => join(kept, `${each.sha256}.deb`)
    const missing = packages.filter((each) => !existsSync(fileOf(each)))
    if (missing.length > 0) {
      const fresh = join(kept, `fresh-${randomUUID()}`)
      await mkdir(fresh)
      try {
        const exact = missing.map(({ name, version, architecture }) =>
          architecture === 'all' ? `${name}=${version}` : `${name}:${architecture}=${version}`,
        )
        await this.#ask(['download', ...exact], fresh)
        const byDigest = new Map<string, string>()
        for (const file of await readdir(fresh))
          byDigest.set(await sha256Of(join(fresh, file)), join(fresh, file))
        for (const each of missing) {
          const file = byDigest.get(each.sha256)
          if (file === undefined) {
            throw new DebianPackageError(
              `${each.name} ${each.version} (${each.architecture}) from the mirror is not the file with sha256 ${each.sha256}`,
            )
          }
          await rename(file, fileOf(each))
        }
      } finally {
        await rm(fresh, { recursive: true, force: true })
      }
    }
    return packages.map(fileOf)
  }

  async #ask(args: readonly string[], cwd?: string): Promise<string> {
    this.#ready ??= this.#update()
    await this.#ready
    try {
      return await run('apt-get', [...this.#options, ...args], cwd === undefined ? {} : { cwd })
    } catch (thrown) {
      if (
        thrown instanceof CommandFailed &&
        /Unable to locate|was not found|no installation candidate|404/.test(thrown.said)
      ) {
        throw new DebianPackageError(`not on this machine's Debian mirror: ${thrown.said.trim()}`, {
          cause: thrown,
        })
      }
      throw thrown
    }
  }

  async #update(): Promise<void> {
    for (const folder of ['state/lists/partial', 'cache/archives/partial']) {
      await mkdir(join(this.#folder, folder), { recursive: true })
    }
    await writeFile(join(this.#folder, 'status'), '')
    await run('apt-get', [...this.#options, 'update'])
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
