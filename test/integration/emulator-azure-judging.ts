/** Runs the judge against an emulator and reads what the SDKs said. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AzureEmulator } from '../../emulator/azure/emulator.ts'
import type { Judged, Step } from './emulator-azure-judge.ts'

const JUDGE = fileURLToPath(new URL('emulator-azure-judge.ts', import.meta.url))

export async function judge(
  emulator: AzureEmulator,
  steps: readonly Step[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Judged[]> {
  const folder = await mkdtemp(join(tmpdir(), 'judge-'))
  try {
    const [ca, stepsPath] = [join(folder, 'ca.pem'), join(folder, 'steps.json')]
    await writeFile(ca, emulator.caPem)
    await writeFile(stepsPath, JSON.stringify(steps))
    const child = spawn(process.execPath, [JUDGE, stepsPath], {
      env: { PATH: process.env['PATH'] ?? '', NODE_EXTRA_CA_CERTS: ca, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, errors]: Buffer[][] = [[], []]
    child.stdout.on('data', (chunk: Buffer) => out?.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => errors?.push(chunk))
    const ended = Promise.withResolvers<number | null>()
    child.once('error', ended.reject)
    child.once('close', ended.resolve)
    const status = await ended.promise
    if (status !== 0)
      throw new Error(`the judge ended with ${status}: ${Buffer.concat(errors ?? []).toString()}`)
    return JSON.parse(Buffer.concat(out ?? []).toString()) as Judged[]
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The result of a step that must have worked. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names what JSON it expects
export function worked<Shape>(result: Judged | undefined): Shape {
  if (result?.error !== undefined)
    throw new Error(`the SDK failed: ${result.error.name}: ${result.error.message}`)
  return result?.ok as Shape
}

export function failed(result: Judged | undefined): NonNullable<Judged['error']> {
  if (result?.error === undefined) throw new Error(`the SDK did not fail: ${JSON.stringify(result?.ok)}`)
  return result.error
}
