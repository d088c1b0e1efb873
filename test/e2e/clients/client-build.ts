/**
 * The clients built into folders outside the checkout, one for each client and hash of its inputs. A folder
 * is what stands at /app in the client's image. Only this needs the network; the pods have none.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runProcess } from '../../../emulator/node/process.ts'
import { cacheFolder } from '../../../scripts/image/cache-folder.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { ownEnvironment } from '../cluster/own-environment.ts'
import type { ClientName } from './client-programs.ts'

/** Azure CLI is 150 packages. */
const DEADLINE_MS = 15 * 60_000

type Build = (source: string, app: string, run: Run) => Promise<void>
type Run = (cwd: string, argv: readonly string[], env?: Readonly<Record<string, string>>) => Promise<void>

/** What the SDK needs of the JDK: a fifth of its size. */
const JAVA_MODULES = [
  'java.logging',
  'java.management',
  'java.naming',
  'java.net.http',
  'java.security.jgss',
  'java.security.sasl',
  'java.sql',
  'java.xml',
  'jdk.crypto.ec',
  'jdk.unsupported',
]

const BUILDS: Readonly<Record<ClientName, Build>> = {
  async node(source, app, run) {
    for (const file of ['package.json', 'package-lock.json', 'client.mjs'])
      await cp(join(source, file), join(app, file))
    await run(app, ['npm', 'ci', '--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund'])
  },
  python: wheels,
  az: wheels,
  async go(source, app, run) {
    const env = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOTOOLCHAIN: 'local' }
    await run(source, ['go', 'build', '-trimpath', '-ldflags', '-s -w', '-o', join(app, 'client'), '.'], env)
  },
  async java(source, app, run) {
    await cp(source, app, { recursive: true })
    // What is in Maven's folder already is not asked for again.
    const goals = ['compile', 'dependency:copy-dependencies']
    const maven = ['mvn', '--batch-mode', '--quiet', '--strict-checksums']
    await run(app, [...maven, '--offline', ...goals]).catch(() => run(app, [...maven, ...goals]))
    for (const made of ['classes', 'lib']) await rename(join(app, 'target', made), join(app, made))
    for (const part of ['pom.xml', 'src', 'target']) await rm(join(app, part), { recursive: true })
    const shape = ['--no-header-files', '--no-man-pages', '--strip-java-debug-attributes', '--compress=2']
    await run(app, [
      'jlink',
      `--add-modules=${JAVA_MODULES.join(',')}`,
      ...shape,
      '--output',
      join(app, 'jre'),
    ])
  },
  async curl(source, app) {
    await cp(join(source, 'client.sh'), join(app, 'client.sh'))
  },
}

async function wheels(source: string, app: string, run: Run): Promise<void> {
  await cp(join(source, 'client.py'), join(app, 'client.py'))
  const flags = [
    '--quiet',
    '--no-deps',
    '--require-hashes',
    '--only-binary',
    ':all:',
    '--no-warn-script-location',
  ]
  const requirements = join(source, 'requirements.txt')
  await run(
    app,
    [
      'python3',
      '-m',
      'pip',
      'install',
      ...flags,
      '--target',
      join(app, 'site'),
      '--requirement',
      requirements,
    ],
    // Compiled files that are checked by hash: the image's files have another time than these.
    { SOURCE_DATE_EPOCH: '1', PIP_ROOT_USER_ACTION: 'ignore', PIP_DISABLE_PIP_VERSION_CHECK: '1' },
  )
}

/** The folder of a client's program, built when it is not there. @throws Error with the last words of the tool. */
export async function builtClient(
  client: ClientName,
  { clock, say }: { readonly clock: Clock; readonly say: (line: string) => void },
): Promise<{ readonly app: string; readonly key: string }> {
  const source = join(import.meta.dirname, client)
  const key = await keyOf(source)
  const folder = cacheFolder('clients', `${client}-${key}`)
  const app = join(folder, 'app')
  if (existsSync(folder)) return { app, key }
  const started = clock.monotonic()
  const fresh = `${folder}.${process.pid}`
  await mkdir(join(fresh, 'app'), { recursive: true })
  try {
    await BUILDS[client](source, join(fresh, 'app'), async (cwd, argv, env = {}) => {
      await runProcess(argv, clock, { cwd, env: { ...ownEnvironment(), ...env }, deadlineMs: DEADLINE_MS })
    })
    await removeOthers(folder, client)
    await rename(fresh, folder)
  } catch (thrown) {
    await rm(fresh, { recursive: true, force: true })
    // Somebody else built the same at the same time.
    if (!existsSync(folder)) throw thrown
  }
  say(`built the ${client} client in ${Math.round((clock.monotonic() - started) / 1000)} s`)
  return { app, key }
}

/** Older builds of a client go when there is a new one: Azure CLI alone is 700 MB. */
export async function removeOthers(folder: string, client: ClientName): Promise<void> {
  const parent = dirname(folder)
  const older = (await readdir(parent)).filter((name) => new RegExp(`^${client}-[0-9a-f]{16}$`).test(name))
  for (const name of older) await rm(join(parent, name), { recursive: true, force: true })
}

/** Depends on every file of the client and on how it is built. */
async function keyOf(source: string): Promise<string> {
  const hash = createHash('sha256').update(await readFile(import.meta.filename))
  const files = await readdir(source, { recursive: true, withFileTypes: true })
  const paths = files.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
  for (const path of paths.sort()) hash.update(`${path.slice(source.length)}\n`).update(await readFile(path))
  return hash.digest('hex').slice(0, 16)
}
