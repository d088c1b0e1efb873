import type { WantedObject } from '../wanted-object.ts'
import { Unusable } from './unusable.ts'

/**
 * The bytes that `objectEncoding` makes of a text: its UTF-8, or what it stands for. Errors tell no position: it would
 * show something of a secret.
 * @throws Unusable
 */
export function decodeText(text: string, encoding: WantedObject['encoding']): Buffer {
  if (encoding === 'utf-8') return Buffer.from(text, 'utf8')
  const bytes = encoding === 'hex' ? decodeHex(text) : decodeBase64(text)
  if (bytes === undefined) throw new Unusable('its value is not base64: illegal base64 data')
  return bytes
}

function decodeHex(text: string): Buffer {
  if (/[^0-9A-Fa-f]/.test(text)) throw new Unusable('its value is not hex: encoding/hex: invalid byte')
  if (text.length % 2 === 1) throw new Unusable('its value is not hex: encoding/hex: odd length hex string')
  return Buffer.from(text, 'hex')
}

/** Standard alphabet with padding (RFC 4648, 4); line ends anywhere are passed over. Undefined when it is none. */
export function decodeBase64(text: string): Buffer | undefined {
  const digits = text.replaceAll(/[\r\n]/g, '')
  const padding = digits.endsWith('==') ? 2 : digits.endsWith('=') ? 1 : 0
  if (digits.length % 4 !== 0 || /[^A-Za-z0-9+/]/.test(digits.slice(0, digits.length - padding)))
    return undefined
  return Buffer.from(digits, 'base64')
}
