import { createHash } from 'node:crypto'

/**
 * A GUID that depends on its text alone (version 4 in form). Equal seeds and equal calls then give equal
 * states, so two dumps can be compared.
 */
export function guidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) % 4] ?? '8'
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** 32 lower-case hex digits, the form of a Key Vault version. */
export function hexOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function isGuid(text: string): boolean {
  return GUID.test(text)
}
