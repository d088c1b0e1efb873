import type { Reply } from '../http/exchange.ts'
import { textField } from '../http/json.ts'
import { addVersion, attributesView, readAttributes, readTags } from './shelf.ts'
import { type ShelfKind, shelfRoutes } from './shelf-routes.ts'
import { refuseVault } from './vault-errors.ts'
import { bodyOf, type VaultCall, type VaultRoute } from './vault-route.ts'
import type { SecretContent, Version } from './vault-state.ts'

const LONGEST_VALUE = 25_600

const SECRETS: ShelfKind<SecretContent> = {
  kind: 'secrets',
  changing: 'set',
  shelf: (vault) => vault.secrets,
  show(call, name, version) {
    requireReadable(version, call)
    return { value: version.content.value, ...describe(call, name, version) }
  },
  describe,
  entry: (version, id) => ({ ...common(version), id }),
}

export const secretRoutes: readonly VaultRoute[] = [
  {
    name: 'vault.secret.set',
    method: 'PUT',
    path: '/secrets/{name}',
    kind: 'secrets',
    permission: 'set',
    work: set,
  },
  ...shelfRoutes(SECRETS),
]

function common(version: Version<SecretContent>): Record<string, unknown> {
  const { contentType, managed } = version.content
  return {
    ...(contentType === undefined ? {} : { contentType }),
    ...(managed ? { managed: true } : {}),
    attributes: attributesView(version),
    tags: version.tags,
  }
}

function describe(call: VaultCall, name: string, version: Version<SecretContent>): Record<string, unknown> {
  const { managed } = version.content
  return {
    ...common(version),
    id: `${call.base}/secrets/${name}/${version.version}`,
    ...(managed ? { kid: `${call.base}/keys/${name}/${version.version}` } : {}),
  }
}

function requireReadable(version: Version<SecretContent>, { now, refusesByDate }: VaultCall): void {
  const forbid = (state: string, inner: string): never =>
    refuseVault(403, 'Forbidden', `Operation get is not allowed on ${state} secret.`, { inner })
  if (!version.enabled) forbid('a disabled', 'SecretDisabled')
  if (!refusesByDate) return
  if (version.expires !== undefined && version.expires <= now) forbid('an expired', 'SecretExpired')
  if (version.notBefore !== undefined && version.notBefore > now)
    forbid('a not yet valid', 'SecretNotYetValid')
}

function set(call: VaultCall): Reply {
  const body = bodyOf(call)
  const value = textField(body, 'value')
  if (value === undefined) return refuseVault(400, 'BadParameter', "Property 'value' is required.")
  if (value.length > LONGEST_VALUE)
    refuseVault(400, 'BadParameter', `The secret value has more than ${LONGEST_VALUE} characters.`)
  const { item, version } = addVersion(call.vault.secrets, {
    vault: call.vault.name,
    kind: 'secrets',
    name: call.param('name'),
    content: { value, contentType: textField(body, 'contentType'), managed: false },
    attributes: readAttributes(body),
    tags: readTags(body) ?? {},
    now: call.now,
  })
  return { status: 200, body: { value, ...describe(call, item.name, version) } }
}
