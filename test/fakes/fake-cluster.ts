import assert from 'node:assert/strict'
import type { Clock } from '../../src/base/clock.ts'
import type { EventTarget } from '../../src/kube/event-draft.ts'
import type { ObjectWriter, WriteOutcome } from '../../src/kube/object-writer.ts'
import { ObjectStore } from '../../src/kube/store.ts'
import type { EventSink } from '../../src/mic/events.ts'
import { OwnershipConflict, type OwnershipRecord, type OwnershipRecords } from '../../src/mic/ownership.ts'
import type { Stores } from '../../src/mic/world.ts'
import type { AssignedIdentityDraft } from '../../src/model/assigned.ts'
import { ASSIGNED_IDENTITY_FINALIZER, objectKey } from '../../src/model/names.ts'
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  Node,
  ObjectIdentity,
  Pod,
} from '../../src/model/resources.ts'

interface Kinds {
  pods: Pod
  nodes: Node
  identities: AzureIdentity
  bindings: AzureIdentityBinding
  assigned: AzureAssignedIdentity
}

export type Kind = keyof Kinds

export interface RecordedEvent {
  readonly target: string
  readonly type: string
  readonly reason: string
  readonly message: string
}

type Watcher = (kind: Kind, key: string, object: Kinds[Kind] | undefined) => void

/** The Kubernetes API of MIC's objects in memory: resource versions, finalizers, and watches that lag behind. */
export class FakeCluster {
  readonly #clock: Clock
  readonly #objects: { [K in Kind]: Map<string, Kinds[K]> } = {
    pods: new Map(),
    nodes: new Map(),
    identities: new Map(),
    bindings: new Map(),
    assigned: new Map(),
  }
  readonly #watchers = new Set<Watcher>()
  readonly #records = new Map<string, OwnershipRecord>()
  readonly events: RecordedEvent[] = []
  readonly writes: string[] = []
  /** Longest delay of a watch event, milliseconds; 0 delivers at once. */
  watchDelayMs = 0
  /** Called with the name of each write before it has effect; throws to make it fail. */
  beforeWrite: (name: string) => void = () => {}
  afterWrite: (name: string) => void = () => {}
  #version = 100

  constructor(clock: Clock) {
    this.#clock = clock
  }

  all<K extends Kind>(kind: K): Kinds[K][] {
    return [...this.#objects[kind].values()]
  }

  assigned(name: string, namespace = 'default'): AzureAssignedIdentity | undefined {
    return this.#objects.assigned.get(objectKey(namespace, name))
  }

  put<K extends Kind>(kind: K, object: Kinds[K]): void {
    this.#version += 1
    const after = { ...object, resourceVersion: String(this.#version) }
    const key = keyOf(after)
    this.#objects[kind].set(key, after)
    this.#tell(kind, key, after)
  }

  remove(kind: Kind, key: string): void {
    if (!this.#objects[kind].delete(key)) return
    this.#tell(kind, key, undefined)
  }

  get ownership(): ReadonlyMap<string, OwnershipRecord> {
    return this.#records
  }

  /** New stores with everything in them and a watch on what follows; `stop` ends it. */
  watch(): { stores: Stores; stop: () => void } {
    const stores = {
      pods: new ObjectStore<Pod>(),
      nodes: new ObjectStore<Node>(),
      identities: new ObjectStore<AzureIdentity>(),
      bindings: new ObjectStore<AzureIdentityBinding>(),
      assigned: new ObjectStore<AzureAssignedIdentity>(),
    }
    const write: Watcher = (kind, key, object) => {
      const store = stores[kind] as ObjectStore<Kinds[Kind]>
      if (object === undefined) store.remove(key)
      else store.put(key, object)
    }
    for (const kind of Object.keys(this.#objects) as Kind[]) {
      for (const [key, object] of this.#objects[kind]) write(kind, key, object)
      stores[kind].markSynced()
    }
    let stopped = false
    const due = new Map<Kind, number>()
    const watcher: Watcher = (kind, key, object) => {
      if (this.watchDelayMs === 0) {
        write(kind, key, object)
        return
      }
      // Events of one kind stay in order; between kinds they may overtake each other.
      const at = Math.max(
        due.get(kind) ?? 0,
        this.#clock.monotonic() + this.#clock.random() * this.watchDelayMs,
      )
      due.set(kind, at)
      this.#clock.after(at - this.#clock.monotonic(), () => {
        if (!stopped) write(kind, key, object)
      })
    }
    this.#watchers.add(watcher)
    return {
      stores,
      stop: () => {
        stopped = true
        this.#watchers.delete(watcher)
      },
    }
  }

  eventSink(): EventSink {
    return {
      emit: (target: EventTarget, type, reason, message) => {
        const name = `${target.kind} ${objectKey(target.namespace, target.name)}`
        this.events.push({ target: name, type, reason, message })
      },
    }
  }

  writer(): ObjectWriter {
    return {
      create: (draft, signal) => this.#write(`create ${draft.name}`, signal, () => this.#create(draft)),
      replace: (ref, draft, signal) =>
        this.#write(`replace ${ref.name}`, signal, () =>
          this.#update(ref, (object) => {
            if (object.resourceVersion !== ref.resourceVersion) return undefined
            const { status, ...spec } = draft
            return { ...object, ...spec, ...status }
          }),
        ),
      patchStatus: (ref, status, signal) =>
        this.#write(`status ${ref.name} ${status.state}`, signal, () =>
          this.#update(ref, (object) => ({ ...object, ...status })),
        ),
      delete: (ref, signal) =>
        this.#write(`delete ${ref.name}`, signal, () => {
          const object = this.#held(ref)
          if (object === undefined) return { outcome: 'gone' }
          if (object.finalizers.length > 0) return this.#update(ref, (each) => ({ ...each, deleting: true }))
          this.remove('assigned', keyOf(object))
          return { outcome: 'done', uid: object.uid, resourceVersion: object.resourceVersion }
        }),
      removeFinalizer: (ref, signal) =>
        this.#write(`finalizer ${ref.name}`, signal, () => {
          const result = this.#update(ref, (object) => ({
            ...object,
            finalizers: object.finalizers.filter((each) => each !== ASSIGNED_IDENTITY_FINALIZER),
          }))
          const object = this.#held(ref)
          if (object?.deleting === true && object.finalizers.length === 0)
            this.remove('assigned', keyOf(object))
          return result
        }),
    }
  }

  ownershipRecords(): OwnershipRecords {
    return {
      load: () => Promise.resolve([...this.#records.values()]),
      save: async (record, signal) => {
        let saved = record
        await this.#write(`ownership ${record.groupId.split('/').at(-1) ?? ''}`, signal, () => {
          const known = this.#records.get(record.groupId)
          if ((known?.version ?? '') !== record.version) throw new OwnershipConflict('record changed')
          this.#version += 1
          saved = { ...record, version: String(this.#version) }
          if (Object.keys(record.identities).length === 0) this.#records.delete(record.groupId)
          else this.#records.set(record.groupId, saved)
          return { outcome: 'done', uid: '', resourceVersion: saved.version }
        })
        return saved
      },
    }
  }

  async #write(name: string, signal: AbortSignal, effect: () => WriteOutcome): Promise<WriteOutcome> {
    signal.throwIfAborted()
    await Promise.resolve()
    this.beforeWrite(name)
    const result = effect()
    if (result.outcome === 'done') this.writes.push(name)
    this.afterWrite(name)
    return result
  }

  #held(ref: ObjectIdentity): AzureAssignedIdentity | undefined {
    const object = this.#objects.assigned.get(objectKey(ref.namespace, ref.name))
    return object?.uid === ref.uid ? object : undefined
  }

  #create(draft: AssignedIdentityDraft): WriteOutcome {
    const key = objectKey(draft.namespace, draft.name)
    if (this.#objects.assigned.has(key)) return { outcome: 'conflict' }
    const { status, ...rest } = draft
    const uid = `uid-${this.#version + 1}`
    this.put('assigned', {
      ...rest,
      ...status,
      uid,
      resourceVersion: '',
      deleting: false,
      finalizers: [ASSIGNED_IDENTITY_FINALIZER],
      problems: [],
    })
    return { outcome: 'done', uid, resourceVersion: String(this.#version) }
  }

  #update(
    ref: ObjectIdentity,
    change: (object: AzureAssignedIdentity) => AzureAssignedIdentity | undefined,
  ): WriteOutcome {
    const object = this.#held(ref)
    if (object === undefined) return { outcome: 'gone' }
    const after = change(object)
    if (after === undefined) return { outcome: 'conflict' }
    assert.equal(keyOf(after), keyOf(object), 'an update may not rename')
    this.put('assigned', after)
    return { outcome: 'done', uid: after.uid, resourceVersion: String(this.#version) }
  }

  #tell(kind: Kind, key: string, object: Kinds[Kind] | undefined): void {
    for (const watcher of this.#watchers) watcher(kind, key, object)
  }
}

function keyOf(object: Kinds[Kind]): string {
  return 'namespace' in object ? objectKey(object.namespace, object.name) : object.name
}
