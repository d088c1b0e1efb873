/**
 * After each `npm install` that changed package-lock.json: adds the optional packages of other platforms
 * (such as the macOS build of a linter) that npm left out because the registry at hand does not carry
 * them. Without these entries `npm ci` calls the lock file incomplete, though it would never install them.
 * The entries have no integrity: whoever installs on such a platform gets it from their own registry.
 */
import { readFileSync, writeFileSync } from 'node:fs'

interface Entry {
  readonly version?: string
  readonly dev?: boolean
  readonly license?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const OPERATING_SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
] as const
const PROCESSORS = [
  'arm64',
  'arm',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'x64',
] as const

const FILE = 'package-lock.json'
const lock = JSON.parse(readFileSync(FILE, 'utf8')) as { packages: Record<string, Entry> }

let added = 0
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`
    if (lock.packages[path] !== undefined) continue
    const platform = platformOf(name)
    if (platform === undefined) {
      console.error(`${name}@${version} is missing, and its name tells no platform`)
      process.exit(1)
    }
    lock.packages[path] = {
      version,
      ...(parent.dev === true ? { dev: true } : {}),
      ...licenceOf(parent),
      optional: true,
      ...platform,
    } as Entry
    added += 1
  }
}
const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: sorted }, undefined, 2)}\n`)
console.log(`${added} entries added`)

function licenceOf(parent: Entry): { license?: string } {
  return parent.license === undefined ? {} : { license: parent.license }
}

/** `@scope/binding-linux-arm-gnueabihf` -> linux, arm, glibc. */
function platformOf(name: string): object | undefined {
  const words = name.split('/').at(-1)?.split('-') ?? []
  if (words.includes('wasm32')) return { cpu: ['wasm32'] }
  const os = OPERATING_SYSTEMS.find((each) => words.includes(each))
  const cpu = PROCESSORS.find((each) => words.includes(each))
  if (os === undefined || cpu === undefined) return undefined
  const isMusl = words.some((word) => word.startsWith('musl'))
  const isGlibc = words.some((word) => word.startsWith('gnu'))
  return { os: [os], cpu: [cpu], ...(isMusl ? { libc: ['musl'] } : isGlibc ? { libc: ['glibc'] } : {}) }
}
