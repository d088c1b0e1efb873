import type { JsonObject } from '../http/json.ts'
import { asObject, numberField } from '../http/json.ts'
import { hexOf } from '../state/guid.ts'
import { notFound, refuseVault } from './vault-errors.ts'
import type { Item, Kind, Shelf, Version } from './vault-state.ts'

/** What all three kinds of vault objects have in common: names, versions, attributes, soft delete. */

const NAME = /^[0-9a-zA-Z-]{1,127}$/

export function checkName(name: string): void {
  if (!NAME.test(name)) refuseVault(400, 'BadParameter', `The request URI contains an invalid name: ${name}`)
}

/** @throws Refused 404 */
export function findItem<Content>(shelf: Shelf<Content>, kind: Kind, name: string): Item<Content> {
  checkName(name)
  return shelf.items.get(name.toLowerCase()) ?? notFound(kind, name)
}

/** A version by its hex digits; the newest for the empty text. @throws Refused 404 */
export function findVersion<Content>(item: Item<Content>, kind: Kind, version: string): Version<Content> {
  const found =
    version === ''
      ? item.versions.at(-1)
      : item.versions.find((each) => each.version === version.toLowerCase())
  return found ?? notFound(kind, `${item.name}/${version}`)
}

export interface Attributes {
  readonly enabled?: boolean | undefined
  readonly notBefore?: number | undefined
  readonly expires?: number | undefined
}

export function readAttributes(body: JsonObject): Attributes {
  const attributes = asObject(body['attributes'])
  const enabled = attributes?.['enabled']
  return {
    enabled: typeof enabled === 'boolean' ? enabled : undefined,
    notBefore: numberField(attributes, 'nbf'),
    expires: numberField(attributes, 'exp'),
  }
}

export function readTags(body: JsonObject): Record<string, string> | undefined {
  const tags = asObject(body['tags'])
  if (tags === undefined) return undefined
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [name, String(value)]))
}

export interface NewVersion<Content> {
  readonly vault: string
  readonly kind: Kind
  readonly name: string
  readonly content: Content
  readonly attributes: Attributes
  readonly tags: Readonly<Record<string, string>>
  /** Seconds. */
  readonly now: number
  /** Given for the key and the secret behind a certificate, which share its version. */
  readonly version?: string
}

/** Adds a version, and the item when it is new. @throws Refused 409 when the name is deleted but recoverable */
export function addVersion<Content>(
  shelf: Shelf<Content>,
  given: NewVersion<Content>,
): { item: Item<Content>; version: Version<Content> } {
  const { name, kind, now } = given
  checkName(name)
  const key = name.toLowerCase()
  if (shelf.deleted.has(key))
    refuseVault(
      409,
      'Conflict',
      `${kind.slice(0, -1)} ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the ${kind.slice(0, -1)} can only be recovered or purged.`,
      { inner: 'ObjectIsDeletedButRecoverable' },
    )
  const item = shelf.items.get(key) ?? { name, versions: [] }
  shelf.items.set(key, item)
  const version: Version<Content> = {
    version: given.version ?? hexOf(`${given.vault} ${kind} ${key} ${item.versions.length + 1} ${now}`),
    content: given.content,
    created: now,
    updated: now,
    enabled: given.attributes.enabled ?? true,
    notBefore: given.attributes.notBefore,
    expires: given.attributes.expires,
    tags: given.tags,
  }
  item.versions.push(version)
  return { item, version }
}

export function changeVersion(version: Version<unknown>, body: JsonObject, now: number): void {
  const { enabled, notBefore, expires } = readAttributes(body)
  if (enabled !== undefined) version.enabled = enabled
  if (notBefore !== undefined) version.notBefore = notBefore
  if (expires !== undefined) version.expires = expires
  const tags = readTags(body)
  if (tags !== undefined) version.tags = tags
  version.updated = now
}

/** Moves an item to the deleted ones. */
export function deleteItem<Content>(
  shelf: Shelf<Content>,
  kind: Kind,
  name: string,
  now: number,
): Item<Content> {
  const item = findItem(shelf, kind, name)
  shelf.items.delete(name.toLowerCase())
  shelf.deleted.set(name.toLowerCase(), { item, deleted: now })
  return item
}

/** The `attributes` of an answer; times in seconds. */
export function attributesView(version: Version<unknown>): Record<string, unknown> {
  return {
    enabled: version.enabled,
    ...(version.notBefore === undefined ? {} : { nbf: version.notBefore }),
    ...(version.expires === undefined ? {} : { exp: version.expires }),
    created: version.created,
    updated: version.updated,
    recoveryLevel: 'Recoverable+Purgeable',
    recoverableDays: 90,
  }
}

const RECOVERY_SECONDS = 90 * 86_400

/** What a deleted object's answer carries besides its own fields. */
export function deletedView(
  base: string,
  kind: Kind,
  name: string,
  deleted: number,
): Record<string, unknown> {
  return {
    recoveryId: `${base}/deleted${kind}/${name}`,
    deletedDate: deleted,
    scheduledPurgeDate: deleted + RECOVERY_SECONDS,
  }
}
