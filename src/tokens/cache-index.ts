import type { AzureIdentity } from '../model/resources.ts'
import type { CacheEntry } from './cache-entry.ts'
import { principalKey, tenantKey } from './token-key.ts'
import type { TokenRequest } from './token-source.ts'

/** Tokens of one principal: by tenant, then by resource. Nested maps cannot confuse their parts. */
interface Slot {
  readonly key: string
  readonly own: Map<string, CacheEntry>
  readonly byTenant: Map<string, Map<string, CacheEntry>>
  /** False once it was given up; an identity object may still remember it. */
  alive: boolean
}

/**
 * Where an entry is found. The way from an AzureIdentity object to its slot is remembered by the object
 * itself, so the hot path builds no key.
 */
export class CacheIndex {
  readonly #slots = new Map<string, Slot>()
  readonly #remembered = new WeakMap<AzureIdentity, Slot>()

  find(request: TokenRequest): CacheEntry | undefined {
    const slot = this.#slotOf(request)
    return slot === undefined ? undefined : lane(slot, request)?.get(request.resource)
  }

  add(entry: CacheEntry): void {
    const slot = this.#slotOf(entry.request) ?? this.#newSlot(entry.request)
    const tenant = tenantKey(entry.request)
    const place = tenant === '' ? slot.own : (slot.byTenant.get(tenant) ?? new Map<string, CacheEntry>())
    if (tenant !== '') slot.byTenant.set(tenant, place)
    place.set(entry.request.resource, entry)
  }

  remove(entry: CacheEntry): void {
    const slot = this.#slotOf(entry.request)
    if (slot === undefined) return
    const place = lane(slot, entry.request)
    if (place?.get(entry.request.resource) !== entry) return
    place.delete(entry.request.resource)
    if (place !== slot.own && place.size === 0) slot.byTenant.delete(tenantKey(entry.request))
    if (slot.own.size > 0 || slot.byTenant.size > 0) return
    slot.alive = false
    this.#slots.delete(slot.key)
  }

  /** All entries of the principal of this request. */
  siblings(request: TokenRequest): CacheEntry[] {
    const slot = this.#slotOf(request)
    if (slot === undefined) return []
    return [slot.own, ...slot.byTenant.values()].flatMap((place) => [...place.values()])
  }

  #slotOf(request: TokenRequest): Slot | undefined {
    const { principal } = request
    if (principal.kind === 'node') return this.#slots.get(principalKey(principal))
    const remembered = this.#remembered.get(principal.identity)
    if (remembered?.alive === true) return remembered
    const slot = this.#slots.get(principalKey(principal))
    if (slot !== undefined) this.#remembered.set(principal.identity, slot)
    return slot
  }

  #newSlot(request: TokenRequest): Slot {
    const key = principalKey(request.principal)
    const slot: Slot = { key, own: new Map(), byTenant: new Map(), alive: true }
    this.#slots.set(key, slot)
    if (request.principal.kind === 'identity') this.#remembered.set(request.principal.identity, slot)
    return slot
  }
}

function lane(slot: Slot, request: TokenRequest): Map<string, CacheEntry> | undefined {
  if (request.tenantId === undefined) return slot.own
  const tenant = tenantKey(request)
  return tenant === '' ? slot.own : slot.byTenant.get(tenant)
}
