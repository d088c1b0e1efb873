import type { Clock } from '../base/clock.ts'
import type { Change } from '../kube/store.ts'
import { objectKey } from '../model/names.ts'
import type { AzureAssignedIdentity } from '../model/resources.ts'
import { podKeyOf, type World } from './world.ts'

/** How long an own write is believed over the watch, should its event never come. Milliseconds. */
const BELIEVED_MS = 30_000

interface OwnWrite {
  /** The object as written; undefined when it was removed. */
  readonly object: AzureAssignedIdentity | undefined
  readonly uid: string
  readonly podKey: string
  /** Resource versions of own writes, oldest first: an event with an older one is old news. */
  readonly versions: readonly string[]
  readonly until: number
}

/**
 * The AzureAssignedIdentity objects as they are after MIC's own writes, before the watch has brought
 * them back. Without it every write would be done twice.
 */
export class ObjectView {
  readonly #world: World
  readonly #clock: Clock
  readonly #own = new Map<string, OwnWrite>()
  readonly #ownByPod = new Map<string, Set<string>>()

  constructor(world: World, clock: Clock) {
    this.#world = world
    this.#clock = clock
  }

  get(key: string): AzureAssignedIdentity | undefined {
    const own = this.#believed(key)
    return own === undefined ? this.#world.stores.assigned.get(key) : own.object
  }

  ofPod(podKey: string): readonly AzureAssignedIdentity[] {
    const objects: AzureAssignedIdentity[] = []
    for (const object of this.#world.assignedTo(podKey)) {
      if (this.#believed(objectKey(object.namespace, object.name)) === undefined) objects.push(object)
    }
    for (const key of this.#ownByPod.get(podKey) ?? []) {
      const object = this.#believed(key)?.object
      if (object !== undefined) objects.push(object)
    }
    return objects
  }

  /** MIC wrote this object. */
  wrote(object: AzureAssignedIdentity): void {
    const key = objectKey(object.namespace, object.name)
    const before = this.#own.get(key)
    const versions =
      before?.uid === object.uid ? [...before.versions, object.resourceVersion] : [object.resourceVersion]
    this.#keep(key, { object, uid: object.uid, podKey: podKeyOf(object), versions })
  }

  /** MIC removed this object, or was told that it is gone. */
  removed(object: AzureAssignedIdentity): void {
    const key = objectKey(object.namespace, object.name)
    this.#keep(key, { object: undefined, uid: object.uid, podKey: podKeyOf(object), versions: [] })
  }

  /** Another writer was faster: only the watch knows. */
  distrust(key: string): void {
    const own = this.#own.get(key)
    if (own === undefined) return
    this.#own.delete(key)
    const keys = this.#ownByPod.get(own.podKey)
    if (keys?.delete(key) === true && keys.size === 0) this.#ownByPod.delete(own.podKey)
  }

  /** Takes in a change of the store: own writes that it shows are forgotten. */
  observe({ key, before, after }: Change<AzureAssignedIdentity>): void {
    const own = this.#own.get(key)
    if (own === undefined) return
    if (after === undefined) {
      // The end of an earlier object of that name says nothing about the one that was written since.
      if (own.object === undefined || before?.uid === own.uid) this.distrust(key)
      return
    }
    const place = own.versions.indexOf(after.resourceVersion)
    const isOldNews =
      own.object === undefined ? after.uid === own.uid : place >= 0 && place < own.versions.length - 1
    if (!isOldNews) this.distrust(key)
  }

  #keep(key: string, write: Omit<OwnWrite, 'until'>): void {
    this.distrust(key)
    this.#dropOld()
    this.#own.set(key, { ...write, until: this.#clock.monotonic() + BELIEVED_MS })
    const keys = this.#ownByPod.get(write.podKey)
    if (keys === undefined) this.#ownByPod.set(write.podKey, new Set([key]))
    else keys.add(key)
  }

  /** Oldest first, since a write always goes to the end. The event of a write may come before its answer, and then no later one. */
  #dropOld(): void {
    for (const [key, { until }] of this.#own) {
      if (until > this.#clock.monotonic()) return
      this.distrust(key)
    }
  }

  /** Own writes that are believed over the watch. */
  get size(): number {
    return this.#own.size
  }

  #believed(key: string): OwnWrite | undefined {
    const own = this.#own.get(key)
    if (own === undefined) return undefined
    if (own.until > this.#clock.monotonic()) return own
    this.distrust(key)
    return undefined
  }
}
