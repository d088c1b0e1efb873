/** What one Key Vault holds. */

export interface Version<Content> {
  /** 32 hex digits. */
  readonly version: string
  readonly content: Content
  /** Seconds since the epoch, as all times here. */
  readonly created: number
  updated: number
  enabled: boolean
  notBefore?: number | undefined
  expires?: number | undefined
  tags: Readonly<Record<string, string>>
}

export interface Item<Content> {
  readonly name: string
  /** Oldest first. */
  readonly versions: Version<Content>[]
}

/** Items of one kind, and those that were deleted and can be recovered. */
export interface Shelf<Content> {
  readonly items: Map<string, Item<Content>>
  readonly deleted: Map<string, { readonly item: Item<Content>; readonly deleted: number }>
}

export interface SecretContent {
  readonly value: string
  readonly contentType?: string | undefined
  /** For the secret behind a certificate: the key's id without the vault. */
  readonly managed: boolean
}

export interface KeyContent {
  readonly kty: string
  readonly operations: readonly string[]
  /** Public part as a JWK. */
  readonly jwk: Readonly<Record<string, string>>
  readonly managed: boolean
}

export interface CertificateContent {
  readonly der: Buffer
  readonly policy: Readonly<Record<string, unknown>>
}

export type Kind = 'secrets' | 'keys' | 'certificates'

export interface VaultAccess {
  /** Client id, object id, identity resource id or identity name; `*` for every caller. */
  readonly principal: string
  readonly permissions: Readonly<Record<Kind, readonly string[]>>
}

export type VaultNetwork = 'open' | 'firewall' | 'private'

export interface Vault {
  readonly name: string
  readonly location: string
  /** Lower-case ARM id, for the text of refusals and for role scopes. */
  readonly id: string
  /** Who may connect: everybody, nobody by the firewall's rules, or private endpoints only. */
  network: VaultNetwork
  /** Permissions by role (and the other text of refusals) instead of by access policy. */
  readonly rbac: boolean
  access: VaultAccess[]
  readonly secrets: Shelf<SecretContent>
  readonly keys: Shelf<KeyContent>
  readonly certificates: Shelf<CertificateContent>
}

export function emptyShelf<Content>(): Shelf<Content> {
  return { items: new Map(), deleted: new Map() }
}
