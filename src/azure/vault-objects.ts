import type { SecretString } from '../base/secret.ts'

/** The three shelves of a vault, as paths name them. */
export type VaultShelf = 'secrets' | 'keys' | 'certificates'

/** A secret as the vault holds it. `value` may be the PEM or PKCS#12 of a certificate: then `keyId` is set. */
export interface VaultSecret {
  readonly shelf: 'secrets'
  /** Last segment of the id. */
  readonly version: string
  readonly value: SecretString
  readonly contentType?: string
  /** `kid`: present on secrets that back a certificate. */
  readonly keyId?: string
}

/** The public part of a key: a JWK as the vault spells it, members base64url. */
export interface VaultKey {
  readonly shelf: 'keys'
  readonly version: string
  readonly jwk: {
    readonly kty: string
    readonly crv?: string
    readonly n?: string
    readonly e?: string
    readonly x?: string
    readonly y?: string
  }
}

export interface VaultCertificate {
  readonly shelf: 'certificates'
  readonly version: string
  /** `cer`: DER of the leaf. */
  readonly der: Buffer
}

export type VaultObject = VaultSecret | VaultKey | VaultCertificate

/** One line of a list of versions. */
export interface VaultVersion {
  readonly version: string
  /** False also when the vault says nothing about it. */
  readonly enabled: boolean
  /** Seconds since the epoch; 0 when the vault does not say. */
  readonly created: number
}
