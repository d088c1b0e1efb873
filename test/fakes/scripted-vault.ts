/** A Key Vault client for tests of shared reads, and what is asked of it. */
import type { KeyVaultClient, VaultTarget } from '../../src/azure/key-vault-client.ts'
import { VaultError, type VaultErrorKind } from '../../src/azure/vault-error.ts'
import type { VaultObject, VaultVersion } from '../../src/azure/vault-objects.ts'
import { SecretString } from '../../src/base/secret.ts'
import type { ReadContext, Wanted } from '../../src/keyvault/vault/vault-reader.ts'

type Result = VaultObject | readonly VaultVersion[]

export interface VaultRequestSeen {
  readonly target: VaultTarget
  readonly name: string
  readonly version: string | undefined
  readonly signal: AbortSignal
  readonly answer: (result: Result) => void
  readonly fail: (thrown: unknown) => void
}

/** Requests stay open until the test, or `auto`, settles them; an aborted one ends by itself. */
export class ScriptedVault implements Pick<KeyVaultClient, 'object' | 'versions'> {
  readonly requests: VaultRequestSeen[] = []
  open = 0
  auto: ((request: VaultRequestSeen) => void) | undefined

  object(target: VaultTarget, wanted: Wanted, signal: AbortSignal): Promise<VaultObject> {
    return this.#ask(target, wanted.name, wanted.version, signal) as Promise<VaultObject>
  }

  versions(target: VaultTarget, of: Omit<Wanted, 'version'>, signal: AbortSignal): Promise<VaultVersion[]> {
    return this.#ask(target, of.name, undefined, signal) as Promise<VaultVersion[]>
  }

  /** The request of that number, which must be there. */
  request(number: number): VaultRequestSeen {
    const seen = this.requests[number]
    if (seen === undefined) throw new Error(`no request number ${number} of ${this.requests.length}`)
    return seen
  }

  // oxlint-disable-next-line max-params -- as the client has them
  #ask(target: VaultTarget, name: string, version: string | undefined, signal: AbortSignal): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    this.open += 1
    const settled = promise.finally(() => {
      this.open -= 1
    })
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    const request = { target, name, version, signal, answer: resolve, fail: reject }
    this.requests.push(request)
    this.auto?.(request)
    return settled
  }
}

export function secretOf(text: string, version = 'v1'): VaultObject {
  return { shelf: 'secrets', version, value: new SecretString(text) }
}

/** The text of a secret; for anything else the test fails. */
export function textOf(value: Result): string {
  if (!('shelf' in value) || value.shelf !== 'secrets') throw new Error('not a secret')
  return value.value.reveal()
}

export function vaultFailure(kind: VaultErrorKind, status = 0, retryAfterSeconds?: number): VaultError {
  return new VaultError(kind, `${kind} for a test`, { status, retryAfterSeconds })
}

export function makeContext(
  fields: Partial<Omit<ReadContext, 'token'>> & { token?: string } = {},
): ReadContext {
  const { token = 'token-a', ...rest } = fields
  return {
    origin: 'https://shop.vault.azure.net',
    reader: 'reader-a',
    pod: 'shop/pod-a',
    freshness: 'now',
    lastKnownGoodMs: 0,
    ...rest,
    token: new SecretString(token),
  }
}
