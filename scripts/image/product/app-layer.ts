import { join } from 'node:path'
import { RUNTIME_FLAGS } from '../../../src/cli/runtime-flags.ts'
import { type LayerEntry, ROOT_OWNER } from '../oci/layer-entry.ts'
import { entriesOfTree } from '../oci/tree-entries.ts'
import type { BundledPackage } from './bundled-packages.ts'
import { licenceEntries } from './bundled-packages.ts'
import { LAUNCHER_PATH, launcherText, PROGRAM_FOLDER } from './launcher.ts'

/** Where the bill of materials lies in the image. */
const BILL_PATH = 'usr/share/podid/sbom.cdx.json'

export interface App {
  readonly repository: string
  /** The folder of the bundle. */
  readonly bundle: string
  readonly packages: readonly BundledPackage[]
  readonly bill: string
}

/** What `podid` reads next to its bundle: custom resources, roles, examples. */
const TREES = ['charts', 'deploy', 'examples'] as const

/** The program: its bundle and the files that it reads, the entry point, licences, the bill of materials. */
export async function appEntries({
  repository,
  bundle,
  packages,
  bill,
}: App): Promise<readonly LayerEntry[]> {
  const trees = [
    { from: bundle, to: 'dist' },
    ...TREES.map((name) => ({ from: join(repository, name), to: name })),
  ]
  const entries: LayerEntry[] = []
  for (const { from, to } of trees) {
    for (const entry of await entriesOfTree(from)) {
      // What stands in a checkout depends on its owner's umask.
      const mode = entry.kind === 'directory' ? 0o755 : 0o644
      entries.push({ ...entry, path: `${PROGRAM_FOLDER}/${to}/${entry.path}`, mode })
    }
  }
  return [
    ...entries,
    file(`${PROGRAM_FOLDER}/package.json`, { file: join(repository, 'package.json') }),
    file('licenses/podid/LICENSE', { file: join(repository, 'LICENSE') }),
    file('licenses/podid/THIRD-PARTY-LICENSES.md', { file: join(repository, 'THIRD-PARTY-LICENSES.md') }),
    ...(await licenceEntries(repository, packages)),
    file(BILL_PATH, bill),
    file(LAUNCHER_PATH, launcherText(RUNTIME_FLAGS), 0o755),
  ]
}

function file(path: string, content: string | { readonly file: string }, mode = 0o644): LayerEntry {
  return { kind: 'file', path, content, mode, ...ROOT_OWNER }
}
