import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { layerTool } from './layer-tool.ts'
import { type ProgramResult, runProgram } from './program.ts'

/** The real Helm, with folders of its own, against one server or none. */
export interface Helm {
  /** Runs to the end; `input` goes to standard input (`--values -`). @throws when it runs longer than ten minutes. */
  run(args: readonly string[], input?: string): Promise<ProgramResult>
  /** Runs to the end and expects success. @throws Error with everything that it printed. */
  ok(args: readonly string[], input?: string): Promise<string>
  close(): Promise<void>
}

/** @param kubeconfig YAML text; without it only what needs no server works, such as `template`. */
export async function createHelm(kubeconfig = ''): Promise<Helm> {
  const binary = await layerTool('helm')
  const folder = await mkdtemp(join(tmpdir(), 'podid-helm-run-'))
  const config = join(folder, 'config')
  await writeFile(config, kubeconfig)
  const env = {
    KUBECONFIG: config,
    HOME: folder,
    HELM_CACHE_HOME: join(folder, 'cache'),
    HELM_CONFIG_HOME: join(folder, 'helm'),
    HELM_DATA_HOME: join(folder, 'data'),
    PATH: '/usr/bin:/bin',
  }
  const run = (args: readonly string[], input = ''): Promise<ProgramResult> =>
    runProgram({ file: binary, args, env, input, timeoutMs: 600_000 })
  return {
    run,
    async ok(args, input) {
      const { code, stdout, stderr } = await run(args, input)
      if (code !== 0) throw new Error(`helm ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`)
      return stdout
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}
