import * as v from 'valibot'
import { SecretString } from '../base/secret.ts'
import { parseJson } from './json-body.ts'
import type { VaultObject, VaultShelf, VaultVersion } from './vault-objects.ts'

/** What was asked for: the answer must be about it. */
export interface VaultAddress {
  readonly shelf: VaultShelf
  readonly name: string
  /** Empty: the newest. */
  readonly version: string
}

const TEXT = v.optional(v.nullable(v.string()))

const SECRET = v.object({ id: v.string(), value: v.string(), contentType: TEXT, kid: TEXT })

const KEY = v.object({
  key: v.object({ kid: v.string(), kty: v.string(), crv: TEXT, n: TEXT, e: TEXT, x: TEXT, y: TEXT }),
})

const BASE64 = v.pipe(v.string(), v.regex(/^[A-Za-z\d+/]+={0,2}$/))

const CERTIFICATE = v.object({ id: v.string(), cer: BASE64 })

const ATTRIBUTES = v.object({
  enabled: v.optional(v.nullable(v.boolean())),
  created: v.optional(v.nullable(v.number())),
})

const LINE = v.object({ id: TEXT, kid: TEXT, attributes: v.optional(v.nullable(ATTRIBUTES)) })

const LIST = v.object({ value: v.nullable(v.array(LINE)), nextLink: TEXT })

const PARSERS = { secrets: parseSecret, keys: parseKey, certificates: parseCertificate } as const

/** The object of an answer with status 200; undefined when it is none, or not the one that was asked for. */
export function parseVaultObject(body: Buffer, asked: VaultAddress): VaultObject | undefined {
  return PARSERS[asked.shelf](parseJson(body), asked)
}

function parseSecret(json: unknown, asked: VaultAddress): VaultObject | undefined {
  const parsed = v.safeParse(SECRET, json)
  if (!parsed.success) return undefined
  const { id, value, contentType, kid } = parsed.output
  const version = versionOf(id, asked)
  if (version === undefined) return undefined
  return {
    shelf: 'secrets',
    version,
    value: new SecretString(value),
    ...given('contentType', contentType),
    ...given('keyId', kid),
  }
}

function parseKey(json: unknown, asked: VaultAddress): VaultObject | undefined {
  const parsed = v.safeParse(KEY, json)
  if (!parsed.success) return undefined
  const { kid, kty, crv, n, e, x, y } = parsed.output.key
  const version = versionOf(kid, asked)
  if (version === undefined) return undefined
  const members = {
    ...given('crv', crv),
    ...given('n', n),
    ...given('e', e),
    ...given('x', x),
    ...given('y', y),
  }
  return { shelf: 'keys', version, jwk: { kty, ...members } }
}

function parseCertificate(json: unknown, asked: VaultAddress): VaultObject | undefined {
  const parsed = v.safeParse(CERTIFICATE, json)
  if (!parsed.success) return undefined
  const version = versionOf(parsed.output.id, asked)
  if (version === undefined) return undefined
  return { shelf: 'certificates', version, der: Buffer.from(parsed.output.cer, 'base64') }
}

/** One page of versions; `nextLink` is empty on the last one. Undefined when it is none. */
export function parseVaultVersions(
  body: Buffer,
  asked: Omit<VaultAddress, 'version'>,
): { readonly versions: readonly VaultVersion[]; readonly nextLink: string } | undefined {
  const parsed = v.safeParse(LIST, parseJson(body))
  if (!parsed.success) return undefined
  const versions: VaultVersion[] = []
  for (const { id, kid, attributes } of parsed.output.value ?? []) {
    const version = versionOf(id ?? kid ?? '', { ...asked, version: '' })
    if (version === undefined) return undefined
    versions.push({ version, enabled: attributes?.enabled === true, created: attributes?.created ?? 0 })
  }
  return { versions, nextLink: parsed.output.nextLink ?? '' }
}

/** Last segment of `https://<vault>/<shelf>/<name>/<version>`, where that is what was asked for. */
function versionOf(id: string, asked: VaultAddress): string | undefined {
  if (id.length > 1_024 || !URL.canParse(id)) return undefined
  const [shelf, name, version, more] = new URL(id).pathname.split('/').filter((part) => part !== '')
  if (version === undefined || more !== undefined || !/^[\w-]{1,127}$/.test(version)) return undefined
  if (shelf !== asked.shelf || name?.toLowerCase() !== asked.name.toLowerCase()) return undefined
  return asked.version === '' || version.toLowerCase() === asked.version.toLowerCase() ? version : undefined
}

function given<Name extends string>(
  name: Name,
  text: string | null | undefined,
): Partial<Record<Name, string>> {
  return text === undefined || text === null ? {} : ({ [name]: text } as Partial<Record<Name, string>>)
}
