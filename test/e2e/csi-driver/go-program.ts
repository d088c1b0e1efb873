/** Programs of other projects that stand in pods of the cluster, built from the Go module proxy as they are pinned. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runProcess } from '../../../emulator/node/process.ts'
import { cacheFolder } from '../../../scripts/image/cache-folder.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { go } from '../cluster/binaries.ts'
import { ownEnvironment } from '../cluster/own-environment.ts'

const LIST_DEADLINE_MS = 60_000

export interface GoProgram {
  /** File name of the result. */
  readonly name: string
  /** Folder with go.mod and go.sum. */
  readonly module: string
  /** Import path of the main package, or `./folder`. */
  readonly main: string
  /** Variables that the linker sets: `<package>.<name>=<value>`. */
  readonly variables?: readonly string[]
}

export interface BuildSite {
  readonly clock: Clock
  readonly say: (line: string) => void
}

/** Path of the program, outside the checkout; built when its module has changed. @throws Error with Go's last words */
export async function goProgram(program: GoProgram, { clock, say }: BuildSite): Promise<string> {
  const { name, module, main, variables = [] } = program
  const hash = createHash('sha256').update(JSON.stringify([name, main, variables]))
  for (const file of await sourcesOf(module)) hash.update(file).update(await readFile(join(module, file)))
  const built = cacheFolder('csi-driver', hash.digest('hex').slice(0, 16), name)
  if (existsSync(built)) return built
  say(`building ${name}: up to 5 minutes on two cores, once`)
  const fresh = `${built}.${process.pid}`
  await mkdir(dirname(built), { recursive: true })
  const flags = ['-s', '-w', ...variables.map((each) => `-X ${each}`)].join(' ')
  try {
    await go(module, ['build', '-trimpath', '-ldflags', flags, '-o', fresh, main], clock)
    await rename(fresh, built)
  } finally {
    await rm(fresh, { force: true })
  }
  return built
}

/** Where Go keeps the files of a module of that go.mod, fetched when they are not there. @throws Error */
export async function moduleFolder(module: string, path: string, clock: Clock): Promise<string> {
  await go(module, ['mod', 'download', path], clock)
  const list = ['go', 'list', '-mod=readonly', '-m', '-f', '{{.Dir}}', path]
  const { stdout } = await runProcess(list, clock, {
    cwd: module,
    env: { ...ownEnvironment(), GOTOOLCHAIN: 'local' },
    deadlineMs: LIST_DEADLINE_MS,
  })
  return stdout.trim()
}

/** Version of a module in a go.mod, with its `v`. @throws Error when it is not there */
export async function versionOf(module: string, path: string): Promise<string> {
  const text = await readFile(join(module, 'go.mod'), 'utf8')
  const line = text.split('\n').find((each) => each.includes(`${path} v`))
  const version = line?.trim().replace('require ', '').split(' ')[1]
  if (version === undefined) throw new Error(`${module}/go.mod names no version of ${path}`)
  return version
}

async function sourcesOf(module: string): Promise<string[]> {
  const files = await readdir(module, { recursive: true })
  return files.filter((each) => /\.go$|go\.(mod|sum)$/.test(each)).toSorted()
}
