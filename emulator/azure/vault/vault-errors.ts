import { Refused, type Reply } from '../http/exchange.ts'

/** The error document of Key Vault. */
export function vaultReply(
  status: number,
  code: string,
  message: string,
  more: { inner?: string; headers?: Readonly<Record<string, string>> } = {},
): Reply {
  const innererror = more.inner === undefined ? {} : { innererror: { code: more.inner } }
  return { status, headers: more.headers ?? {}, body: { error: { code, message, ...innererror } } }
}

export function refuseVault(...problem: Parameters<typeof vaultReply>): never {
  throw new Refused(vaultReply(...problem), problem[1])
}

const NOUN = { secrets: 'secret', keys: 'key', certificates: 'certificate' } as const

export function notFound(kind: keyof typeof NOUN, id: string): never {
  const noun = NOUN[kind]
  const code = `${noun.charAt(0).toUpperCase()}${noun.slice(1)}NotFound`
  return refuseVault(
    404,
    code,
    `A ${noun} with (name/id) ${id} was not found in this key vault. If you recently deleted this ${noun} you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182`,
  )
}
