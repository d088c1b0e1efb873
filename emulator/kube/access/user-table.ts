import { randomBytes } from 'node:crypto'
import type { User } from './user.ts'
import { MASTERS, namedUser } from './user.ts'

export const ADMIN = 'kubernetes-admin'

export interface TableEntry {
  readonly name: string
  readonly groups?: readonly string[]
  /** A random one is made when there is none. */
  readonly token?: string
}

/** Users with a static bearer token; the administrator is always one of them. */
export interface UserTable {
  readonly byToken: ReadonlyMap<string, User>
  /** Tokens by user name. */
  readonly tokens: ReadonlyMap<string, string>
}

export function userTable(entries: readonly TableEntry[]): UserTable {
  const byToken = new Map<string, User>()
  const tokens = new Map<string, string>()
  for (const entry of [{ name: ADMIN, groups: [MASTERS] }, ...entries]) {
    const given = 'token' in entry ? entry.token : undefined
    const token = given ?? randomBytes(24).toString('base64url')
    byToken.set(token, namedUser(entry.name, entry.groups ?? []))
    tokens.set(entry.name, token)
  }
  return { byToken, tokens }
}
