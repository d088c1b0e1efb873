import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { layerTool } from './layer-tool.ts'
import { type ProgramResult, runProgram } from './program.ts'

/** The real kubectl against one server. */
export interface Kubectl {
  /** Runs to the end; `input` goes to standard input. @throws when it runs longer than a minute. */
  run(args: readonly string[], input?: string): Promise<ProgramResult>
  /** Runs to the end and expects success. @throws Error with everything that it printed. */
  ok(args: readonly string[], input?: string): Promise<string>
  /** Starts and leaves it running (`get -w`); lines of standard output come as they are printed. */
  start(args: readonly string[]): { readonly lines: AsyncIterable<string>; stop(): Promise<void> }
  close(): Promise<void>
}

/** @param kubeconfig YAML text. */
export async function createKubectl(kubeconfig: string): Promise<Kubectl> {
  const binary = await layerTool('kubectl')
  const folder = await mkdtemp(join(tmpdir(), 'podid-kubectl-run-'))
  const config = join(folder, 'config')
  await writeFile(config, kubeconfig)
  const env = { KUBECONFIG: config, KUBECACHEDIR: join(folder, 'cache'), HOME: folder, PATH: '/usr/bin:/bin' }
  const running = new Set<() => Promise<void>>()
  const run = (args: readonly string[], input = ''): Promise<ProgramResult> =>
    runProgram({ file: binary, args, env, input, timeoutMs: 60_000 })
  return {
    run,
    async ok(args, input) {
      const { code, stdout, stderr } = await run(args, input)
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`)
      return stdout
    },
    start(args) {
      const child = spawn(binary, args, { env })
      const { promise, resolve } = Promise.withResolvers<undefined>()
      child.once('close', () => resolve(undefined))
      const stop = async (): Promise<void> => {
        running.delete(stop)
        child.kill('SIGKILL')
        await promise
      }
      running.add(stop)
      return { lines: linesOf(child.stdout), stop }
    },
    async close() {
      for (const stop of running) await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
