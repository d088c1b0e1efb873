import type { VaultShelf } from '../azure/vault-objects.ts'

/** `objectType` as users write it. */
export type ObjectType = 'secret' | 'key' | 'cert'

/** One object of a SecretProviderClass, checked. */
export interface WantedObject {
  readonly type: ObjectType
  readonly name: string
  /** Path of the file in the volume: the alias, else the name. */
  readonly path: string
  /** Empty: the newest. */
  readonly version: string
  /** How many versions; 1 means one file at `path`, more mean `path/0`, `path/1`, ... */
  readonly history: number
  readonly format: 'pem' | 'pfx'
  readonly encoding: 'utf-8' | 'hex' | 'base64'
  /** Permission bits, 0 to 0o777. */
  readonly mode: number
  /** True: a missing or disabled object is left out, not a failure. */
  readonly optional: boolean
}

export const SHELF_OF: Readonly<Record<ObjectType, VaultShelf>> = {
  secret: 'secrets',
  key: 'keys',
  cert: 'certificates',
}
