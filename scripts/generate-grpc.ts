/**
 * Writes the code of the gRPC messages from their `.proto` files into the folder `generated` beside each.
 * `--check` generates elsewhere and compares. No network: the compiler comes with the package @bufbuild/buf.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'

const FOLDERS = ['src/keyvault/grpc', 'emulator/csi']

/** TypeScript that Node runs as it is: no enums, `.ts` in imports, nothing but what is used here. */
const OPTIONS = [
  'outputServices=grpc-js',
  'env=node',
  'esModuleInterop=true',
  'importSuffix=.ts',
  'outputJsonMethods=false',
  'outputPartialMethods=false',
]

/** The wrapper finds the binary of this platform by itself; its install script need not have run. */
const BUF = resolve('node_modules/@bufbuild/buf/bin/buf')

/** Compiles the `.proto` files of `folder` into `out`. */
function generate(folder: string, out: string): void {
  const template = {
    version: 'v2',
    plugins: [
      {
        local: [process.execPath, resolve('node_modules/ts-proto/protoc-gen-ts_proto')],
        out,
        opt: OPTIONS,
      },
    ],
  }
  const { status, stderr } = spawnSync(
    process.execPath,
    [BUF, 'generate', folder, '--template', JSON.stringify(template)],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`buf generate ${folder} failed: ${stderr}`)
}

function differs(made: string, committed: string): boolean {
  const names = (folder: string): string =>
    existsSync(folder) ? globSync('*', { cwd: folder }).sort().join(' ') : ''
  if (names(made) !== names(committed)) return true
  return globSync('*', { cwd: made }).some(
    (name) => readFileSync(join(made, name), 'utf8') !== readFileSync(join(committed, name), 'utf8'),
  )
}

const place = mkdtempSync(join(tmpdir(), 'podid-grpc-'))
let stale = 0
try {
  for (const folder of FOLDERS) {
    const made = join(place, basename(folder))
    mkdirSync(made)
    generate(folder, made)
    const committed = join(folder, 'generated')
    if (!process.argv.includes('--check')) {
      rmSync(committed, { recursive: true, force: true })
      cpSync(made, committed, { recursive: true })
    } else if (differs(made, committed)) {
      stale += 1
      console.error(`${committed} is stale: node scripts/generate-grpc.ts`)
    }
  }
} finally {
  rmSync(place, { recursive: true, force: true })
}
process.exitCode = stale === 0 ? 0 : 1
