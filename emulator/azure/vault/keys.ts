import { createPublicKey } from 'node:crypto'
import type { Reply } from '../http/exchange.ts'
import { asObject, type JsonObject, numberField, textField } from '../http/json.ts'
import { generateKey, keyObject, publicJwk } from './key-material.ts'
import { addVersion, attributesView, readAttributes, readTags } from './shelf.ts'
import { type ShelfKind, shelfRoutes } from './shelf-routes.ts'
import { refuseVault } from './vault-errors.ts'
import { bodyOf, type VaultCall, type VaultRoute } from './vault-route.ts'
import type { KeyContent, Version } from './vault-state.ts'

const ALL_OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  RSA: ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey'],
  EC: ['sign', 'verify'],
}

const KEYS: ShelfKind<KeyContent> = {
  kind: 'keys',
  changing: 'update',
  shelf: (vault) => vault.keys,
  show: describe,
  describe,
  entry: (version, id) => ({
    kid: id,
    attributes: attributesView(version),
    tags: version.tags,
    ...(version.content.managed ? { managed: true } : {}),
  }),
}

/** Keys can be made and read; sign, encrypt and wrap are not emulated and are refused as unknown routes. */
export const keyRoutes: readonly VaultRoute[] = [
  {
    name: 'vault.key.create',
    method: 'POST',
    path: '/keys/{name}/create',
    kind: 'keys',
    permission: 'create',
    work: create,
  },
  {
    name: 'vault.key.import',
    method: 'PUT',
    path: '/keys/{name}',
    kind: 'keys',
    permission: 'import',
    work: importKey,
  },
  ...shelfRoutes(KEYS),
]

function describe(call: VaultCall, name: string, version: Version<KeyContent>): Record<string, unknown> {
  const { kty, operations, jwk, managed } = version.content
  return {
    key: { kid: `${call.base}/keys/${name}/${version.version}`, kty, key_ops: operations, ...jwk },
    attributes: attributesView(version),
    tags: version.tags,
    ...(managed ? { managed: true } : {}),
  }
}

async function create(call: VaultCall): Promise<Reply> {
  const body = bodyOf(call)
  const kty = textField(body, 'kty') ?? ''
  const { keys } = await generateKey(
    kty,
    numberField(body, 'key_size') ?? 2_048,
    textField(body, 'crv') ?? 'P-256',
  )
  return store(call, body, {
    kty,
    jwk: publicJwk(keyObject(keys.publicKey)),
    operations: operationsOf(body, kty),
  })
}

function importKey(call: VaultCall): Reply {
  const body = bodyOf(call)
  const given = asObject(body['key'])
  const kty = textField(given, 'kty') ?? ''
  if (given === undefined || !['RSA', 'EC'].includes(kty.replace(/-HSM$/, '')))
    return refuseVault(400, 'BadParameter', "Property 'key' must be an RSA or EC key as a JSON web key.")
  try {
    const key = createPublicKey({
      key: { ...given, kty: kty.replace(/-HSM$/, '') },
      format: 'jwk',
    })
    return store(call, body, { kty, jwk: publicJwk(key), operations: operationsOf(given, kty) })
  } catch (thrown) {
    if (!(thrown instanceof TypeError) && !(thrown instanceof Error && 'code' in thrown)) throw thrown
    return refuseVault(400, 'BadParameter', 'The key material is invalid.')
  }
}

function operationsOf(body: JsonObject, kty: string): string[] {
  const asked = body['key_ops']
  if (Array.isArray(asked) && asked.length > 0) return asked.map(String)
  return [...(ALL_OPERATIONS[kty.replace(/-HSM$/, '')] ?? [])]
}

function store(call: VaultCall, body: JsonObject, content: Omit<KeyContent, 'managed'>): Reply {
  const { item, version } = addVersion(call.vault.keys, {
    vault: call.vault.name,
    kind: 'keys',
    name: call.param('name'),
    content: { ...content, managed: false },
    attributes: readAttributes(body),
    tags: readTags(body) ?? {},
    now: call.now,
  })
  return { status: 200, body: describe(call, item.name, version) }
}
