import type { Reply } from '../http/exchange.ts'
import { textField } from '../http/json.ts'
import { pageOf } from './paging.ts'
import {
  addVersion,
  attributesView,
  changeVersion,
  deletedView,
  deleteItem,
  findItem,
  findVersion,
  readAttributes,
  readTags,
} from './shelf.ts'
import { notFound, refuseVault } from './vault-errors.ts'
import { bodyOf, type VaultCall, type VaultRoute } from './vault-route.ts'
import type { SecretContent, Version } from './vault-state.ts'

const LONGEST_VALUE = 25_600

export const secretRoutes: readonly VaultRoute[] = [
  {
    name: 'vault.secret.set',
    method: 'PUT',
    path: '/secrets/{name}',
    kind: 'secrets',
    permission: 'set',
    work: set,
  },
  {
    name: 'vault.secret.list',
    method: 'GET',
    path: '/secrets',
    kind: 'secrets',
    permission: 'list',
    work: list,
  },
  {
    name: 'vault.secret.versions',
    method: 'GET',
    path: '/secrets/{name}/versions',
    kind: 'secrets',
    permission: 'list',
    work: versions,
  },
  {
    name: 'vault.secret.get',
    method: 'GET',
    path: '/secrets/{name}',
    kind: 'secrets',
    permission: 'get',
    work: get,
  },
  {
    name: 'vault.secret.get-version',
    method: 'GET',
    path: '/secrets/{name}/{version}',
    kind: 'secrets',
    permission: 'get',
    work: get,
  },
  {
    name: 'vault.secret.change',
    method: 'PATCH',
    path: '/secrets/{name}/{version}',
    kind: 'secrets',
    permission: 'set',
    work: change,
  },
  {
    name: 'vault.secret.change-newest',
    method: 'PATCH',
    path: '/secrets/{name}',
    kind: 'secrets',
    permission: 'set',
    work: change,
  },
  {
    name: 'vault.secret.delete',
    method: 'DELETE',
    path: '/secrets/{name}',
    kind: 'secrets',
    permission: 'delete',
    work: remove,
  },
  {
    name: 'vault.secret.deleted',
    method: 'GET',
    path: '/deletedsecrets/{name}',
    kind: 'secrets',
    permission: 'get',
    work: getDeleted,
  },
  {
    name: 'vault.secret.deleted-list',
    method: 'GET',
    path: '/deletedsecrets',
    kind: 'secrets',
    permission: 'list',
    work: listDeleted,
  },
  {
    name: 'vault.secret.recover',
    method: 'POST',
    path: '/deletedsecrets/{name}/recover',
    kind: 'secrets',
    permission: 'recover',
    work: recover,
  },
  {
    name: 'vault.secret.purge',
    method: 'DELETE',
    path: '/deletedsecrets/{name}',
    kind: 'secrets',
    permission: 'purge',
    work: purge,
  },
]

function view(call: VaultCall, name: string, version: Version<SecretContent>): Record<string, unknown> {
  const { contentType, managed } = version.content
  return {
    ...(contentType === undefined ? {} : { contentType }),
    id: `${call.base}/secrets/${name}/${version.version}`,
    ...(managed ? { managed: true, kid: `${call.base}/keys/${name}/${version.version}` } : {}),
    attributes: attributesView(version),
    tags: version.tags,
  }
}

/** Lists show no version in ids of items, and no value. */
function listed(call: VaultCall, name: string, version: Version<SecretContent>, withVersion: boolean) {
  const id = `${call.base}/secrets/${name}`
  return { ...view(call, name, version), id: withVersion ? `${id}/${version.version}` : id }
}

function get(call: VaultCall): Reply {
  const item = findItem(call.vault.secrets, 'secrets', call.param('name'))
  const version = findVersion(item, 'secrets', call.optional('version'))
  if (!version.enabled)
    refuseVault(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.', {
      inner: 'SecretDisabled',
    })
  if (version.expires !== undefined && version.expires <= call.now)
    refuseVault(403, 'Forbidden', 'Operation get is not allowed on an expired secret.', {
      inner: 'SecretExpired',
    })
  if (version.notBefore !== undefined && version.notBefore > call.now)
    refuseVault(403, 'Forbidden', 'Operation get is not allowed on a secret that is not yet valid.', {
      inner: 'SecretNotYetValid',
    })
  return { status: 200, body: { value: version.content.value, ...view(call, item.name, version) } }
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
  return { status: 200, body: { value, ...view(call, item.name, version) } }
}

function change(call: VaultCall): Reply {
  const item = findItem(call.vault.secrets, 'secrets', call.param('name'))
  const version = findVersion(item, 'secrets', call.optional('version'))
  changeVersion(version, bodyOf(call), call.now)
  return { status: 200, body: view(call, item.name, version) }
}

function list(call: VaultCall): Reply {
  const items = [...call.vault.secrets.items.values()].flatMap((item) => {
    const newest = item.versions.at(-1)
    return newest === undefined ? [] : [listed(call, item.name, newest, false)]
  })
  return pageOf(call, items, call.pageSize)
}

function versions(call: VaultCall): Reply {
  const item = findItem(call.vault.secrets, 'secrets', call.param('name'))
  return pageOf(
    call,
    item.versions.map((each) => listed(call, item.name, each, true)),
    call.pageSize,
  )
}

function remove(call: VaultCall): Reply {
  deleteItem(call.vault.secrets, 'secrets', call.param('name'), call.now)
  return getDeleted(call)
}

function getDeleted(call: VaultCall): Reply {
  const name = call.param('name')
  const held = call.vault.secrets.deleted.get(name.toLowerCase()) ?? notFound('secrets', name)
  const newest = findVersion(held.item, 'secrets', '')
  return {
    status: 200,
    body: {
      ...deletedView(call.base, 'secrets', held.item.name, held.deleted),
      ...view(call, held.item.name, newest),
    },
  }
}

function listDeleted(call: VaultCall): Reply {
  const items = [...call.vault.secrets.deleted.values()].map(({ item, deleted }) => ({
    ...deletedView(call.base, 'secrets', item.name, deleted),
    ...listed(call, item.name, findVersion(item, 'secrets', ''), false),
  }))
  return pageOf(call, items, call.pageSize)
}

function recover(call: VaultCall): Reply {
  const name = call.param('name')
  const held = call.vault.secrets.deleted.get(name.toLowerCase()) ?? notFound('secrets', name)
  call.vault.secrets.deleted.delete(name.toLowerCase())
  call.vault.secrets.items.set(name.toLowerCase(), held.item)
  return { status: 200, body: view(call, held.item.name, findVersion(held.item, 'secrets', '')) }
}

function purge(call: VaultCall): Reply {
  const name = call.param('name')
  if (!call.vault.secrets.deleted.delete(name.toLowerCase())) notFound('secrets', name)
  return { status: 204 }
}
