import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { VaultKey } from '../../azure/vault-objects.ts'
import { shown } from '../shown.ts'
import { Unusable } from './unusable.ts'

type Jwk = VaultKey['jwk']

/** Octets of a coordinate (RFC 7518, 6.2.1.2). */
const COORDINATE: ReadonlyMap<string, number> = new Map([
  ['P-256', 32],
  ['P-384', 48],
  ['P-521', 66],
])

/** Octets. A vault makes keys of 2048 to 4096 bits; OpenSSL takes 16384 at most. */
const MODULUS = { least: 64, most: 2048 }
const EXPONENT = { least: 1, most: 8 }

/** The public key as PEM (`PUBLIC KEY`, SubjectPublicKeyInfo). @throws Unusable */
export function renderKey({ jwk }: VaultKey): Buffer {
  const key = checkedJwk(jwk)
  try {
    return Buffer.from(createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }))
  } catch {
    // Such as a point that is not on its curve.
    throw new Unusable('its public key cannot be read')
  }
}

function checkedJwk(jwk: Jwk): JsonWebKey {
  switch (jwk.kty) {
    case 'RSA':
    case 'RSA-HSM':
      return {
        kty: 'RSA',
        n: odd('n', octets('n', jwk.n, MODULUS)),
        e: odd('e', octets('e', jwk.e, EXPONENT)),
      }
    case 'EC':
    case 'EC-HSM': {
      const { crv = '' } = jwk
      const size = COORDINATE.get(crv)
      if (size === undefined) throw new Unusable(`curve '${shown(crv)}' is not supported`)
      return { kty: 'EC', crv, x: coordinate('x', jwk.x, size), y: coordinate('y', jwk.y, size) }
    }
    default:
      throw new Unusable(`failed to get key. key type '${shown(jwk.kty)}' currently not supported`)
  }
}

/** A number without its leading zeros. */
function octets(
  member: string,
  text: string | undefined,
  { least, most }: { readonly least: number; readonly most: number },
): Buffer {
  if (text === undefined || text === '') throw new Unusable(`key value is nil: it has no ${member}`)
  // Some write padding.
  const digits = text.replace(/={1,2}$/, '')
  if (/[^A-Za-z0-9_-]/.test(digits)) throw new Unusable(`${member} of its key is not base64url`)
  const bytes = Buffer.from(digits, 'base64url')
  const from = bytes.findIndex((byte) => byte !== 0)
  const number = from === -1 ? Buffer.alloc(0) : bytes.subarray(from)
  if (number.length < least || number.length > most)
    throw new Unusable(`${member} of its key has ${number.length} octets, not ${least} to ${most}`)
  return number
}

/** Modulus and exponent of RSA are odd and more than 1, or nothing can be done with them. */
function odd(member: string, number: Buffer): string {
  const last = number.at(-1) ?? 0
  if (last % 2 === 0 || (number.length === 1 && last === 1))
    throw new Unusable(`${member} of its key is no number that RSA can use`)
  return number.toString('base64url')
}

function coordinate(member: string, text: string | undefined, size: number): string {
  const number = octets(member, text, { least: 0, most: size })
  return Buffer.concat([Buffer.alloc(size - number.length), number]).toString('base64url')
}
