import { createPublicKey, type KeyObject, KeyObject as Keys, type webcrypto } from 'node:crypto'
import { refuseVault } from './vault-errors.ts'

/** The key pair behind a Key Vault key or certificate. */
export interface KeyMaterial {
  readonly keys: webcrypto.CryptoKeyPair
  /** For signing certificates with it. */
  readonly algorithm: { readonly name: string; readonly hash: string; readonly namedCurve?: string }
}

const RSA_SIZES = [2_048, 3_072, 4_096]
const HASHES: Readonly<Record<string, string>> = {
  'P-256': 'SHA-256',
  'P-384': 'SHA-384',
  'P-521': 'SHA-512',
}

/** @throws Refused 400 for key types and sizes that are not emulated */
export async function generateKey(kty: string, size: number, curve: string): Promise<KeyMaterial> {
  const type = kty.replace(/-HSM$/, '')
  if (type === 'RSA' && RSA_SIZES.includes(size)) {
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
    const wanted = { ...algorithm, modulusLength: size, publicExponent: new Uint8Array([1, 0, 1]) }
    return { algorithm, keys: await crypto.subtle.generateKey(wanted, true, ['sign', 'verify']) }
  }
  const hash = HASHES[curve]
  if (type === 'EC' && hash !== undefined) {
    const algorithm = { name: 'ECDSA', namedCurve: curve, hash }
    return { algorithm, keys: await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) }
  }
  return refuseVault(
    400,
    'BadParameter',
    `This emulator makes RSA keys of ${RSA_SIZES.join(', ')} bits and EC keys on ${Object.keys(HASHES).join(', ')}; asked: ${kty} ${size} ${curve}.`,
  )
}

/** Public part as a JWK. */
export function publicJwk(key: KeyObject): Record<string, string> {
  const jwk = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' })
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => name !== 'kty')) as Record<string, string>
}

export function keyObject(key: webcrypto.CryptoKey): KeyObject {
  return Keys.from(key)
}
