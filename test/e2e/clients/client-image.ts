/**
 * One container image for each client: what it needs of Debian and its program, kept outside the checkout by the
 * hash of what it is made of. Debian's part is what Debian has at the time of the build; the program is pinned.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { runProcess } from '../../../emulator/node/process.ts'
import { cacheFolder } from '../../../scripts/image/cache-folder.ts'
import { Apt } from '../../../scripts/image/debian/apt.ts'
import { debianEntries, unpackRoot } from '../../../scripts/image/debian/root-tree.ts'
import { writeArchive, writeLayout } from '../../../scripts/image/oci/image-layout.ts'
import { type LayerEntry, ROOT_OWNER } from '../../../scripts/image/oci/layer-entry.ts'
import { entriesOfTree } from '../../../scripts/image/oci/tree-entries.ts'
import { readImageLock } from '../../../scripts/image/product/lock-file.ts'
import { nodeEntries } from '../../../scripts/image/product/node-binary.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { builtClient, removeOthers } from './client-build.ts'
import { type ClientName, IMAGE_ENV, PROGRAMS } from './client-programs.ts'

export interface ClientImage {
  /** What a pod's `image` says. */
  readonly name: string
  /** For `ctr -n k8s.io images import`. */
  readonly archive: string
}

interface Site {
  readonly clock: Clock
  readonly say: (line: string) => void
}

const USER = 65_532
const UNPACK_DEADLINE_MS = 120_000
const ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'amd64'

/** The image of a client, made when it is not there. Needs the network then, and no root. */
export async function clientImage(client: ClientName, { clock, say }: Site): Promise<ClientImage> {
  const { app, key: appKey } = await builtClient(client, { clock, say })
  const { packages, argv, env } = PROGRAMS[client]
  const described = JSON.stringify([packages, argv('/app'), env('/app'), IMAGE_ENV, appKey])
  const own = await readFile(import.meta.filename)
  const key = createHash('sha256').update(own).update(described).digest('hex').slice(0, 16)
  const name = `podid.test/client-${client}:${key}`
  const folder = cacheFolder('client-images', `${client}-${key}`)
  if (!existsSync(folder)) {
    const started = clock.monotonic()
    await make({ client, app, name, folder, clock })
    say(`made the image of the ${client} client in ${Math.round((clock.monotonic() - started) / 1000)} s`)
  }
  return { name, archive: join(folder, 'image.tar') }
}

interface Making {
  readonly client: ClientName
  readonly app: string
  readonly name: string
  readonly folder: string
  readonly clock: Clock
}

async function make({ client, app, name, folder, clock }: Making): Promise<void> {
  const fresh = `${folder}.${process.pid}`
  const scratch = await mkdtemp(join(tmpdir(), 'podid-client-image-'))
  const { argv, env } = PROGRAMS[client]
  const variables = { ...IMAGE_ENV, ...env('/app') }
  try {
    await mkdir(fresh, { recursive: true })
    const layout = join(scratch, 'layout')
    const system = [...(await systemEntries(client, scratch, clock)), ...OWN_ENTRIES]
    const program = await programEntries(app)
    const written = await writeLayout(layout, {
      names: [name],
      created: new Date(0),
      platforms: [
        {
          architecture: ARCHITECTURE,
          run: {
            user: `${USER}:${USER}`,
            entrypoint: argv('/app'),
            env: Object.entries(variables).map(([variable, value]) => `${variable}=${value}`),
            workingDir: '/tmp',
          },
          // Nothing leaves this machine: compressing would only cost time.
          layers: [
            { compression: 'none', madeBy: 'Debian', entries: system },
            { compression: 'none', madeBy: `the ${client} client`, entries: program },
          ],
        },
      ],
    })
    await writeArchive(layout, join(fresh, 'image.tar'))
    const layers = written.platforms.flatMap((each) => each.layers.map(({ descriptor }) => descriptor.digest))
    await writeFile(join(fresh, 'layers.json'), JSON.stringify(layers))
    await removeOthers(folder, client)
    await rename(fresh, folder)
  } finally {
    await rm(scratch, { recursive: true, force: true })
    await rm(fresh, { recursive: true, force: true })
  }
}

async function systemEntries(
  client: ClientName,
  scratch: string,
  clock: Clock,
): Promise<readonly LayerEntry[]> {
  const { packages: names } = PROGRAMS[client]
  const node = client === 'node' ? await nodeEntries(ARCHITECTURE, await readImageLock()) : []
  if (names.length === 0) return node
  const apt = new Apt(ARCHITECTURE)
  const root = join(scratch, 'root')
  await unpackRoot({ apt, packages: await apt.resolve({ names, dependencies: true }), folder: root })
  const library = join(root, 'usr/lib/python3.11')
  // Debian compiles Python's own modules when the package is installed; without, each start would.
  if (existsSync(library)) {
    const compile = ['-m', 'compileall', '-q', '--invalidation-mode', 'checked-hash', library]
    await runProcess(['/usr/bin/python3', ...compile], clock, { deadlineMs: UNPACK_DEADLINE_MS })
  }
  return [...(await debianEntries(root)), ...node]
}

/** Azure CLI's 170 MB of compiled modules of services that no case asks for stay out. */
const LEFT_OUT = /^site\/azure\/mgmt\/.*\/?__pycache__$/

async function programEntries(app: string): Promise<LayerEntry[]> {
  const entries = await entriesOfTree(app, { include: (path) => !LEFT_OUT.test(path) })
  return entries.map((entry) =>
    entry.kind === 'hardlink'
      ? { ...entry, path: `app/${entry.path}`, target: `app/${entry.target}` }
      : { ...entry, path: `app/${entry.path}` },
  )
}

const text = (path: string, content: string): LayerEntry => ({
  kind: 'file',
  path,
  content,
  mode: 0o644,
  ...ROOT_OWNER,
})

const OWN_ENTRIES: readonly LayerEntry[] = [
  text('etc/passwd', `root:x:0:0::/:/bin/sh\nclient:x:${USER}:${USER}::/tmp:/bin/sh\n`),
  text('etc/group', `root:x:0:\nclient:x:${USER}:\n`),
  text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
  { kind: 'directory', path: 'tmp', mode: 0o1777, ...ROOT_OWNER },
]

const digests = v.array(v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/)))

/** What a container engine mounts over files and folders of an image. */
const MOUNTED = {
  folders: ['proc', 'dev', 'etc'],
  files: ['etc/hosts', 'etc/resolv.conf', 'etc/azure-ca.crt'],
}

/** The root file system of an image as a folder, for a node without a container engine. */
export async function unpackImage({ archive }: ClientImage, folder: string, clock: Clock): Promise<void> {
  for (const each of MOUNTED.folders) await mkdir(join(folder, each), { recursive: true })
  for (const each of MOUNTED.files) await writeFile(join(folder, each), '')
  const layers = v.parse(digests, JSON.parse(await readFile(join(archive, '../layers.json'), 'utf8')))
  for (const digest of layers) {
    const script = 'tar --extract --to-stdout --file "$1" "blobs/sha256/$2" | tar --extract --directory "$3"'
    const args = [archive, digest.slice('sha256:'.length), folder]
    await runProcess(['sh', '-e', '-c', script, 'sh', ...args], clock, { deadlineMs: UNPACK_DEADLINE_MS })
  }
}
