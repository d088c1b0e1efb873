import { CustomObjectsApi, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node'
import * as v from 'valibot'
import type { Clock } from '../base/clock.ts'
import { withDeadline } from '../base/deadline.ts'
import {
  type AssignedIdentityDraft,
  type AssignmentStatus,
  assignedIdentityManifest,
  statusManifest,
} from '../model/assigned.ts'
import { API_GROUP, API_VERSION, ASSIGNED_IDENTITY_FINALIZER, PLURALS } from '../model/names.ts'
import type { ObjectIdentity } from '../model/resources.ts'
import { clientConfiguration } from './client-transport.ts'
import { isApiStatus, KubeAnswerError, type KubeConnection } from './connection.ts'
import { type ObjectMeta, readMetadata } from './object-meta.ts'

/**
 * What became of a write. `conflict`: the name is taken, or the object changed since it was read.
 * `gone`: there is no such object, or another one has its name. Everything else throws.
 */
export type WriteOutcome =
  | { readonly outcome: 'done'; readonly uid: string; readonly resourceVersion: string }
  | { readonly outcome: 'conflict' }
  | { readonly outcome: 'gone' }

/**
 * The writes to AzureAssignedIdentity objects, on @kubernetes/client-node.
 * @throws KubeApiError, KubeUnreachableError, KubeAnswerError, DeadlineError, or the signal's reason.
 */
export interface ObjectWriter {
  create(draft: AssignedIdentityDraft, signal: AbortSignal): Promise<WriteOutcome>
  /** Replaces label, spec and status; `conflict` unless `ref.resourceVersion` is the newest. */
  replace(ref: ObjectIdentity, draft: AssignedIdentityDraft, signal: AbortSignal): Promise<WriteOutcome>
  /** `conflict` unless `ref.resourceVersion` is the newest. */
  patchStatus(ref: ObjectIdentity, status: AssignmentStatus, signal: AbortSignal): Promise<WriteOutcome>
  /** Only the object with `ref.uid`, in whatever version. */
  delete(ref: ObjectIdentity, signal: AbortSignal): Promise<WriteOutcome>
  /** Takes podid's finalizer away and leaves those of others. Only the object with `ref.uid`. */
  removeFinalizer(ref: ObjectIdentity, signal: AbortSignal): Promise<WriteOutcome>
}

const DEADLINE_MS = 30_000
/** Somebody else writing the same object again and again is left to the next look at it. */
const MOST_TRIES = 4
const GONE = { outcome: 'gone' } as const
const CONFLICT = { outcome: 'conflict' } as const

const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)

function target(ref: Pick<ObjectIdentity, 'namespace' | 'name'>) {
  const { namespace, name } = ref
  return { group: API_GROUP, version: API_VERSION, plural: PLURALS.AzureAssignedIdentity, namespace, name }
}

export function createObjectWriter(connection: KubeConnection, clock: Clock): ObjectWriter {
  /** Whether this cluster's CRD keeps the status apart; learnt from the first write that shows it. */
  let statusIsApart = false

  function call<T>(
    what: string,
    parent: AbortSignal,
    work: (api: CustomObjectsApi) => Promise<T>,
  ): Promise<T> {
    const deadline = { clock, ms: DEADLINE_MS, what: `${what} of an AzureAssignedIdentity`, parent }
    return withDeadline(deadline, (signal) =>
      work(new CustomObjectsApi(clientConfiguration(connection, clock, signal))),
    )
  }

  async function writeStatus(
    api: CustomObjectsApi,
    ref: ObjectIdentity,
    status: AssignmentStatus,
  ): Promise<unknown> {
    const body = { metadata: { resourceVersion: ref.resourceVersion }, status: statusManifest(status) }
    if (!statusIsApart) {
      const answer: unknown = await api.patchNamespacedCustomObject({ ...target(ref), body }, mergePatch)
      if (carries(answer, status)) return answer
    }
    // The CRD has a status subresource: writes to the object itself leave the status as it is.
    statusIsApart = true
    return api.patchNamespacedCustomObjectStatus({ ...target(ref), body }, mergePatch)
  }

  /** Writes the status where the write of the object did not carry it. */
  async function completed(
    api: CustomObjectsApi,
    answer: unknown,
    status: AssignmentStatus,
  ): Promise<WriteOutcome> {
    if (carries(answer, status)) return done(answer)
    statusIsApart = true
    return done(await writeStatus(api, metadataOf(answer), status))
  }

  return {
    create: (draft, signal) =>
      call('create', signal, async (api) => {
        const { name: _, ...collection } = target(draft)
        try {
          const answer: unknown = await api.createNamespacedCustomObject({
            ...collection,
            body: assignedIdentityManifest(draft),
          })
          return await completed(api, answer, draft.status)
        } catch (thrown) {
          return outcomeOf(thrown, { notFound: 'throw' })
        }
      }),
    replace: (ref, draft, signal) =>
      call('replace', signal, async (api) => {
        try {
          const body = replacement(ref, draft)
          const answer: unknown = await api.patchNamespacedCustomObject({ ...target(ref), body })
          return await completed(api, answer, draft.status)
        } catch (thrown) {
          return outcomeOf(thrown)
        }
      }),
    patchStatus: (ref, status, signal) =>
      call('status', signal, async (api) => {
        try {
          return done(await writeStatus(api, ref, status))
        } catch (thrown) {
          return outcomeOf(thrown)
        }
      }),
    delete: (ref, signal) =>
      call('delete', signal, async (api) => {
        const body = { preconditions: { uid: ref.uid } }
        try {
          const answer: unknown = await api.deleteNamespacedCustomObject({ ...target(ref), body })
          return readMetadata(answer)?.uid === ref.uid ? done(answer) : { outcome: 'done', ...versionOf(ref) }
        } catch (thrown) {
          // The only precondition is the UID, so a conflict means that another object has the name.
          return isApiStatus(thrown, 409) ? GONE : outcomeOf(thrown)
        }
      }),
    removeFinalizer: (ref, signal) => call('finalizer', signal, (api) => removeFinalizer(api, ref)),
  }
}

async function removeFinalizer(api: CustomObjectsApi, ref: ObjectIdentity): Promise<WriteOutcome> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    try {
      const meta = metadataOf(await api.getNamespacedCustomObject(target(ref)))
      if (meta.uid !== ref.uid) return GONE
      const others = meta.finalizers.filter((each) => each !== ASSIGNED_IDENTITY_FINALIZER)
      if (others.length === meta.finalizers.length) return { outcome: 'done', ...versionOf(meta) }
      const body = { metadata: { resourceVersion: meta.resourceVersion, finalizers: others } }
      return done(await api.patchNamespacedCustomObject({ ...target(ref), body }, mergePatch))
    } catch (thrown) {
      if (!isApiStatus(thrown, 409)) return outcomeOf(thrown)
    }
  }
  return CONFLICT
}

/**
 * A JSON patch, since a merge would leave what the new spec no longer has. Setting the version that was
 * read makes the server refuse it when the object has changed. Annotations and finalizers stay.
 */
function replacement(ref: ObjectIdentity, draft: AssignedIdentityDraft): readonly object[] {
  const manifest = assignedIdentityManifest(draft)
  const { labels } = manifest['metadata'] as { labels: unknown }
  return [
    { op: 'replace', path: '/metadata/resourceVersion', value: ref.resourceVersion },
    { op: 'add', path: '/metadata/labels', value: labels },
    { op: 'add', path: '/spec', value: manifest['spec'] },
    { op: 'add', path: '/status', value: manifest['status'] },
  ]
}

function outcomeOf(thrown: unknown, options: { notFound?: 'throw' } = {}): WriteOutcome {
  if (isApiStatus(thrown, 409)) return CONFLICT
  if (isApiStatus(thrown, 404) && options.notFound !== 'throw') return GONE
  throw thrown
}

function metadataOf(answer: unknown): ObjectMeta {
  const meta = readMetadata(answer)
  if (meta === undefined) throw new KubeAnswerError('the answer to a write is no object')
  return meta
}

function versionOf(object: { readonly uid: string; readonly resourceVersion: string }) {
  return { uid: object.uid, resourceVersion: object.resourceVersion }
}

function done(answer: unknown): WriteOutcome {
  return { outcome: 'done', ...versionOf(metadataOf(answer)) }
}

const withStatus = v.object({
  status: v.object({
    status: v.string(),
    reason: v.optional(v.string()),
    message: v.optional(v.string()),
  }),
})

/**
 * The stored object says what the status says; a server that keeps it apart leaves it as it was. The definitions of
 * AAD Pod Identity know no reason and no message, and drop them.
 */
function carries(answer: unknown, { state, reason, message }: AssignmentStatus): boolean {
  const read = v.safeParse(withStatus, answer)
  if (!read.success) return false
  const { status } = read.output
  return (
    status.status === state && (status.reason ?? reason) === reason && (status.message ?? message) === message
  )
}
