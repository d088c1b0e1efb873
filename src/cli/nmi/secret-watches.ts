import type { Clock } from '../../base/clock.ts'
import { withDeadline } from '../../base/deadline.ts'
import { isApiStatus } from '../../kube/connection.ts'
import { secrets } from '../../kube/resources/secrets.ts'
import type { Rest } from '../../kube/rest.ts'
import { type WatchedStore, watchStore } from '../../kube/watched-store.ts'
import { objectKey } from '../../model/names.ts'
import type { Secret, SecretReference } from '../../model/resources.ts'
import type { WatchNotice } from '../../telemetry/kube-metrics.ts'
import type { Log } from '../../telemetry/log.ts'
import { SecretForbiddenError, type SecretReader } from '../../tokens/secret-reader.ts'

/** More service principals than a node's pods can use. */
const MAX_WATCHES = 256
const FIRST_LIST_MS = 10_000

export interface SecretWatches extends SecretReader {
  /** Ends the watches of Secrets that no identity names any more. */
  keepOnly(named: ReadonlySet<string>): void
  stop(): Promise<void>
}

/**
 * The Secrets of service principals, each watched by its name from the first time it is needed, so a
 * rotated one is used at once and no other Secret of its namespace is ever read.
 */
export function watchSecrets(options: {
  rest: Rest
  clock: Clock
  log: Log
  /** A Secret could not be read in time. */
  readFailed: () => void
}): SecretWatches {
  const { rest, clock, log, readFailed } = options
  const watches = new Map<string, WatchedStore<Secret>>()
  const listeners = new Set<(reference: SecretReference) => void>()
  const denied = new Map<string, Error>()
  const waiting = new Map<string, Set<(error: Error) => void>>()

  async function watchOf(reference: SecretReference): Promise<WatchedStore<Secret>> {
    const key = objectKey(reference.namespace, reference.name)
    const known = watches.get(key)
    if (known !== undefined) return known
    if (watches.size >= MAX_WATCHES)
      throw new Error(`more than ${MAX_WATCHES} Secrets are in use on this node`)
    const watch = watchStore({
      rest,
      clock,
      log,
      spec: secrets(),
      namespace: reference.namespace,
      fieldSelector: `metadata.name=${reference.name}`,
      onEvent: (notice) => noteRights(reference, notice),
    })
    watches.set(key, watch)
    watch.store.subscribe(() => {
      for (const listener of listeners) listener(reference)
    })
    await watch.start()
    return watch
  }

  /** Without the right to read it nobody need wait for the first list: the callers hear of it at once. */
  function noteRights(reference: SecretReference, notice: WatchNotice): void {
    const key = objectKey(reference.namespace, reference.name)
    if (notice.kind === 'synced') denied.delete(key)
    if (notice.kind !== 'pause' || !isApiStatus(notice.error, 403)) return
    const error = forbidden(reference, notice.error)
    denied.set(key, error)
    for (const tell of waiting.get(key) ?? []) tell(error)
  }

  /** Rejects when the API server refuses the Secret. Never resolves. */
  function untilDenied(key: string): { readonly promise: Promise<never>; end(): void } {
    const { promise, reject } = Promise.withResolvers<never>()
    const before = denied.get(key)
    if (before !== undefined) reject(before)
    const tellers = waiting.get(key) ?? new Set()
    waiting.set(key, tellers.add(reject))
    return {
      promise,
      end() {
        tellers.delete(reject)
        if (tellers.size === 0) waiting.delete(key)
      },
    }
  }

  async function firstList(
    watch: WatchedStore<Secret>,
    reference: SecretReference,
    signal: AbortSignal,
  ): Promise<void> {
    if (watch.store.synced) return
    const key = objectKey(reference.namespace, reference.name)
    const refused = untilDenied(key)
    try {
      await withDeadline(
        { clock, ms: FIRST_LIST_MS, what: `reading Secret ${key}`, parent: signal },
        (inTime) => Promise.race([watch.store.whenSynced(inTime), refused.promise]),
      )
    } catch (thrown) {
      if (!signal.aborted) readFailed()
      throw thrown
    } finally {
      refused.end()
    }
  }

  function end(watch: WatchedStore<Secret>): void {
    watch
      .stop()
      .catch((thrown: unknown) => log.warn({ error: String(thrown) }, 'a watch of a Secret did not end'))
  }

  return {
    async secret(reference, signal) {
      const watch = await watchOf(reference)
      await firstList(watch, reference, signal)
      return watch.store.get(objectKey(reference.namespace, reference.name))
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    keepOnly(named) {
      for (const [key, watch] of watches) {
        if (named.has(key)) continue
        watches.delete(key)
        denied.delete(key)
        end(watch)
      }
    },
    async stop() {
      await Promise.all([...watches.values()].map((watch) => watch.stop()))
    },
  }
}

/** How the API server names the service account that it refused. */
const ACCOUNT = /User "system:serviceaccount:([^:"\s]+):([^:"\s]+)"/

/** The refusal of the API server, with the commands that grant what is missing and nothing more. */
function forbidden({ namespace, name }: SecretReference, cause: Error): SecretForbiddenError {
  const [, accountNamespace = '<namespace>', account = '<service account of NMI>'] =
    ACCOUNT.exec(cause.message) ?? []
  const role = `podid-${name}`
  const inNamespace = `kubectl -n ${namespace} create`
  return new SecretForbiddenError(
    `podid has no right to it. ${inNamespace} role ${role} --verb=list,watch --resource=secrets --resource-name=${name} && ` +
      `${inNamespace} rolebinding ${role} --role=${role} --serviceaccount=${accountNamespace}:${account}`,
    { cause },
  )
}
