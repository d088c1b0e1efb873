import type { Reply } from '../http/exchange.ts'
import { pageOf } from './paging.ts'
import { changeVersion, deletedView, deleteItem, findItem, findVersion } from './shelf.ts'
import { notFound } from './vault-errors.ts'
import { bodyOf, type VaultCall, type VaultRoute } from './vault-route.ts'
import type { Item, Kind, Shelf, Vault, Version } from './vault-state.ts'

/** What differs between secrets, keys and certificates. */
export interface ShelfKind<Content> {
  readonly kind: Kind
  /** Permission to change attributes: `set` for secrets, `update` else. */
  readonly changing: string
  readonly shelf: (vault: Vault) => Shelf<Content>
  /** The answer to a read of one version. @throws Refused when this version may not be read now */
  readonly show: (call: VaultCall, name: string, version: Version<Content>) => Record<string, unknown>
  /** The same without what only a read gives out: for changes and deleted objects. */
  readonly describe: (call: VaultCall, name: string, version: Version<Content>) => Record<string, unknown>
  /** One line of a list, with the id to show. */
  readonly entry: (version: Version<Content>, id: string) => Record<string, unknown>
}

/** The routes that all three kinds have: read, list, versions, change, delete, deleted, recover, purge. */
export function shelfRoutes<Content>(about: ShelfKind<Content>): VaultRoute[] {
  const { kind } = about
  const noun = kind.slice(0, -1)
  const one = `/${kind}/{name}`
  const deletedOne = `/deleted${kind}/{name}`
  const route = (verb: string, method: string, path: string, permission: string) => ({
    name: `vault.${noun}.${verb}`,
    method,
    path,
    kind,
    permission,
  })
  const work = shelfWork(about)
  return [
    { ...route('list', 'GET', `/${kind}`, 'list'), work: work.list },
    { ...route('versions', 'GET', `${one}/versions`, 'list'), work: work.versions },
    { ...route('get', 'GET', one, 'get'), work: work.get },
    { ...route('get-version', 'GET', `${one}/{version}`, 'get'), work: work.get },
    { ...route('change', 'PATCH', `${one}/{version}`, about.changing), work: work.change },
    { ...route('change-newest', 'PATCH', one, about.changing), work: work.change },
    { ...route('delete', 'DELETE', one, 'delete'), work: work.remove },
    { ...route('deleted', 'GET', deletedOne, 'get'), work: work.getDeleted },
    { ...route('deleted-list', 'GET', `/deleted${kind}`, 'list'), work: work.listDeleted },
    { ...route('recover', 'POST', `${deletedOne}/recover`, 'recover'), work: work.recover },
    { ...route('purge', 'DELETE', deletedOne, 'purge'), work: work.purge },
  ]
}

function shelfWork<Content>(about: ShelfKind<Content>) {
  const { kind, shelf } = about
  const newest = (item: Item<Content>): Version<Content> => findVersion(item, kind, '')
  const found = (call: VaultCall) => findItem(shelf(call.vault), kind, call.param('name'))
  const idOf = (call: VaultCall, name: string): string => `${call.base}/${kind}/${name}`
  const deletedOf = (call: VaultCall) =>
    shelf(call.vault).deleted.get(call.param('name').toLowerCase()) ?? notFound(kind, call.param('name'))
  const getDeleted = (call: VaultCall): Reply => {
    const { item, deleted } = deletedOf(call)
    const recovery = deletedView(call.base, kind, item.name, deleted)
    return { status: 200, body: { ...recovery, ...about.describe(call, item.name, newest(item)) } }
  }
  return {
    getDeleted,
    get: (call: VaultCall): Reply => {
      const item = found(call)
      const version = findVersion(item, kind, call.optional('version'))
      return { status: 200, body: about.show(call, item.name, version) }
    },
    /** Lists of items show ids without a version. */
    list: (call: VaultCall): Reply => {
      const items = [...shelf(call.vault).items.values()]
      const entries = items.map((item) => about.entry(newest(item), idOf(call, item.name)))
      return pageOf(call, entries, call.pageSize)
    },
    /** In the order of their ids, which says nothing of their age. */
    versions: (call: VaultCall): Reply => {
      const { name, versions } = found(call)
      const entries = versions
        .toSorted((one, other) => (one.version < other.version ? -1 : 1))
        .map((each) => about.entry(each, `${idOf(call, name)}/${each.version}`))
      return pageOf(call, entries, call.pageSize)
    },
    change: (call: VaultCall): Reply => {
      const item = found(call)
      const version = findVersion(item, kind, call.optional('version'))
      changeVersion(version, bodyOf(call), call.now)
      return { status: 200, body: about.describe(call, item.name, version) }
    },
    remove: (call: VaultCall): Reply => {
      deleteItem(shelf(call.vault), kind, call.param('name'), call.now)
      return getDeleted(call)
    },
    listDeleted: (call: VaultCall): Reply => {
      const entries = [...shelf(call.vault).deleted.values()].map(({ item, deleted }) => ({
        ...deletedView(call.base, kind, item.name, deleted),
        ...about.entry(newest(item), idOf(call, item.name)),
      }))
      return pageOf(call, entries, call.pageSize)
    },
    recover: (call: VaultCall): Reply => {
      const { item } = deletedOf(call)
      const key = item.name.toLowerCase()
      shelf(call.vault).deleted.delete(key)
      shelf(call.vault).items.set(key, item)
      return { status: 200, body: about.describe(call, item.name, newest(item)) }
    },
    purge: (call: VaultCall): Reply => {
      shelf(call.vault).deleted.delete(deletedOf(call).item.name.toLowerCase())
      return { status: 204 }
    },
  }
}
