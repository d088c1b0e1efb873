import type { VaultLogin } from './identity/vault-login.ts'
import type { WantedObject } from './wanted-object.ts'

/** What a mount is to do, read and checked: everything it needs but the answers of others. */
export interface MountOrder {
  readonly pod: { readonly namespace: string; readonly name: string; readonly serviceAccount: string }
  readonly vault: { readonly name: string; readonly origin: string }
  readonly login: VaultLogin
  readonly objects: readonly WantedObject[]
  /** 0: off. Milliseconds. */
  readonly lastKnownGoodMs: number
  readonly targetPath: string
}

/** What a mount gives: the whole content of the volume. */
export interface MountResult {
  readonly files: readonly { readonly path: string; readonly mode: number; readonly contents: Buffer }[]
  readonly objectVersions: readonly { readonly id: string; readonly version: string }[]
}
