import { spawn } from 'node:child_process'

export interface ProgramResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; it is killed after `timeoutMs`, with `code` null. @throws when it cannot be started. */
export async function runProgram(options: {
  file: string
  args: readonly string[]
  env: Readonly<Record<string, string>>
  input: string
  timeoutMs: number
}): Promise<ProgramResult> {
  const { file, args, env, input, timeoutMs } = options
  const child = spawn(file, args, { env, timeout: timeoutMs })
  child.stdin.on('error', () => child.stdin.destroy())
  child.stdin.end(input)
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('close', resolve)
  child.once('error', reject)
  const [code, stdout, stderr] = await Promise.all([promise, textOf(child.stdout), textOf(child.stderr)])
  return { code, stdout, stderr }
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
