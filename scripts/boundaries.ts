/**
 * The rooms and who may look at whom, as data; `findViolations` holds a tree of files against it.
 * oxlint's `import/no-cycle` covers cycles, this covers height.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/** Height of the rooms of src/, top first. A room imports only lower lines, never a peer on its own line. */
export const HEIGHT: readonly (readonly string[])[] = [
  ['main'],
  ['cli'],
  ['nmi', 'mic', 'webhook', 'keyvault', 'status'],
  ['tokens'],
  ['azure', 'kube'],
  ['telemetry'],
  ['model'],
  ['base'],
]

/** Rooms that import no npm package, with the reason. */
const NO_PACKAGES: Readonly<Record<string, string>> = {
  model: 'model is pure: no I/O, no clock, no package',
  base: 'base imports only node:',
}

/** Packages with one door, so that the node agent never loads them by accident. */
const ONE_DOOR: readonly {
  readonly package: string
  readonly doors: readonly RegExp[]
  readonly why: string
}[] = [
  {
    package: '@kubernetes/client-node',
    doors: [/^src\/kube\/(kubeconfig|object-writer|event-writer|client-transport)\.ts$/],
    why: 'it costs 50 MB unbundled: only the controller and kubeconfig loading use it',
  },
  { package: '@azure/', doors: [/^src\/azure\/arm/], why: 'the node agent loads no Azure SDK' },
  {
    package: 'node-forge',
    doors: [/^src\/tokens\/pkcs12-(cost|file)\.ts$/],
    why: 'it opens PKCS#12 and nothing else',
  },
  {
    package: '@grpc/grpc-js',
    doors: [/^src\/keyvault\/grpc\//],
    why: 'only the Key Vault provider speaks gRPC, to the CSI driver',
  },
  {
    package: '@bufbuild/protobuf',
    doors: [/^src\/keyvault\/grpc\/generated\//],
    why: 'it is what the generated messages are written with',
  },
  { package: 'commander', doors: [/^src\/cli\//], why: 'the command line is read in cli/' },
]

/** Files that only the demo uses may see the emulators. */
const EMULATOR_DOORS = [/^src\/cli\/demo\.ts$/, /^src\/cli\/demo\//, /^src\/cli\/emulator\.ts$/]

export interface Violation {
  readonly file: string
  readonly imports: string
  readonly rule: string
}

export interface Findings {
  readonly files: number
  readonly imports: number
  readonly violations: readonly Violation[]
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g

/** Reads every product and emulator file below `root`; tests are free. */
export function findViolations(root: string): Findings {
  const files = ['src', 'emulator'].flatMap((top) => globSync(`${top}/**/*.ts`, { cwd: root }))
  const product = files.filter((file) => !/\.(property\.)?test\.ts$/.test(file)).sort()
  const violations: Violation[] = []
  let imports = 0
  for (const file of product) {
    for (const specifier of importsOf(readFileSync(join(root, file), 'utf8'))) {
      imports += 1
      const rule = judge(root, file, specifier)
      if (rule !== undefined) violations.push({ file, imports: specifier, rule })
    }
  }
  return { files: product.length, imports, violations }
}

/** Packages that are loaded when `entry` is: over all its static imports, and not over `import()`. */
export function packagesLoadedBy(root: string, entry: string): ReadonlySet<string> {
  const packages = new Set<string>()
  const seen = new Set<string>()
  const open = [entry]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (seen.has(file) || !existsSync(join(root, file))) continue
    seen.add(file)
    for (const match of readFileSync(join(root, file), 'utf8').matchAll(STATIC_IMPORT)) {
      const specifier = match[1] ?? ''
      if (specifier.startsWith('.')) open.push(relative(root, resolve(root, dirname(file), specifier)))
      else if (!specifier.startsWith('node:')) packages.add(specifier)
    }
  }
  return packages
}

/** Imports and re-exports of values: `import type` loads nothing. */
const STATIC_IMPORT = /(?:^|\n)\s*(?:import|export)\s(?!type\s)(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]/g

function importsOf(source: string): string[] {
  return [...source.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? '').filter((each) => each !== '')
}

function judge(root: string, file: string, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) return undefined
  if (!specifier.startsWith('.')) return judgePackage(file, specifier)
  const target = relative(root, resolve(root, dirname(file), specifier))
  if (!existsSync(join(root, target))) return `${target} does not exist`
  return judgePath(file, target)
}

function judgePackage(file: string, specifier: string): string | undefined {
  const room = roomOf(file)
  const pure = file.startsWith('src/') ? NO_PACKAGES[room] : undefined
  if (pure !== undefined) return pure
  if (!file.startsWith('src/')) return undefined
  const door = ONE_DOOR.find((each) => specifier === each.package || specifier.startsWith(each.package))
  if (door === undefined || door.doors.some((each) => each.test(file))) return undefined
  return `${door.package} has one door: ${door.why}`
}

function judgePath(file: string, target: string): string | undefined {
  if (file.startsWith('emulator/')) {
    if (target.startsWith('emulator/')) return undefined
    const shared = ['model', 'base'].includes(roomOf(target)) && target.startsWith('src/')
    return shared ? undefined : 'emulator/ imports src/model and src/base at most'
  }
  if (target.startsWith('emulator/')) {
    return EMULATOR_DOORS.some((door) => door.test(file)) ? undefined : 'only the demo may import emulator/'
  }
  if (!target.startsWith('src/'))
    return target.endsWith('package.json') ? undefined : 'product code imports only src/'
  return judgeHeight(roomOf(file), roomOf(target))
}

function judgeHeight(from: string, to: string): string | undefined {
  if (from === to) return undefined
  const fromLine = HEIGHT.findIndex((line) => line.includes(from))
  const toLine = HEIGHT.findIndex((line) => line.includes(to))
  if (fromLine < 0 || toLine < 0) return `${fromLine < 0 ? from : to} is no room: add it to HEIGHT on purpose`
  if (toLine > fromLine) return undefined
  return toLine === fromLine ? `${from} and ${to} are peers` : `${from} may not look up to ${to}`
}

function roomOf(file: string): string {
  const [, second = ''] = file.split('/')
  return second.replace(/\.ts$/, '')
}
