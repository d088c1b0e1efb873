import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'
import * as v from 'valibot'
import { type LayerEntry, ROOT_OWNER } from '../oci/layer-entry.ts'

/** An npm package of which something is in the bundle. */
export interface BundledPackage {
  readonly name: string
  readonly version: string
  /** SPDX expression of its licence, as the lock file has it. */
  readonly licence: string
  /** Its folder, relative to the repository. */
  readonly folder: string
}

const lockFile = v.object({
  packages: v.record(
    v.string(),
    v.object({ version: v.optional(v.string()), license: v.optional(v.string()) }),
  ),
})

const PACKAGE_FOLDER = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)(?=\/)/

/** In the order of names and versions. @throws Error for an input whose package the lock file does not know. */
export async function bundledPackages(
  repository: string,
  metafile: Metafile,
): Promise<readonly BundledPackage[]> {
  const { packages } = v.parse(
    lockFile,
    JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8')),
  )
  const found = new Map<string, BundledPackage>()
  for (const input of Object.keys(metafile.inputs)) {
    const [folder, name] = PACKAGE_FOLDER.exec(input) ?? []
    if (folder === undefined || name === undefined) continue
    const { version, license } = packages[folder] ?? {}
    if (version === undefined || license === undefined)
      throw new Error(`package-lock.json tells nothing of ${folder}`)
    found.set(`${name}@${version}`, { name, version, licence: license, folder })
  }
  return [...found].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => each)
}

const LICENCE_FILE = /^(licen[cs]e|copying|notice|copyright)/i

/** The licence files that the packages carry, since a bundle leaves them behind. */
export async function licenceEntries(
  repository: string,
  packages: readonly BundledPackage[],
): Promise<readonly LayerEntry[]> {
  const entries: LayerEntry[] = []
  for (const { name, version, folder } of packages) {
    const files = await readdir(join(repository, folder), { withFileTypes: true })
    for (const file of files) {
      if (!file.isFile() || !LICENCE_FILE.test(file.name)) continue
      entries.push({
        kind: 'file',
        path: `licenses/npm/${name}@${version}/${file.name}`,
        content: { file: join(repository, folder, file.name) },
        mode: 0o644,
        ...ROOT_OWNER,
      })
    }
  }
  return entries
}
