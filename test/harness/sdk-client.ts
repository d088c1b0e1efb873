/**
 * The unmodified JavaScript SDK of Azure in a process of its own: it keeps the metadata address in a
 * static field, so each address needs a process.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface SdkRequest {
  readonly credential: 'managed-identity' | 'default'
  readonly scope: string
  readonly clientId?: string
  readonly resourceId?: string
  readonly objectId?: string
}

export type SdkAnswer =
  | { readonly token: string; readonly expiresOnTimestamp: number }
  | { readonly error: string; readonly name: string }

const PROGRAM = fileURLToPath(new URL('./sdk-program.ts', import.meta.url))

/** Runs the requests one after the other in a fresh process that knows only the given metadata address. */
export async function askWithSdk(
  authorityHost: string,
  requests: readonly SdkRequest[],
): Promise<SdkAnswer[]> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(requests)], {
    env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: authorityHost, PATH: '/nonexistent', HOME: '/nonexistent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const { promise, resolve, reject } = Promise.withResolvers<SdkAnswer[]>()
  child.on('error', reject)
  child.on('close', (code) => {
    if (code === 0) resolve(JSON.parse(out) as SdkAnswer[])
    else reject(new Error(`the SDK process ended with ${code}: ${err}`))
  })
  return promise
}
