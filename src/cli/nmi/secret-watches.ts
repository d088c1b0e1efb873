import type { Clock } from '../../base/clock.ts'
import { withDeadline } from '../../base/deadline.ts'
import { secrets } from '../../kube/resources/secrets.ts'
import type { Rest } from '../../kube/rest.ts'
import { type WatchedStore, watchStore } from '../../kube/watched-store.ts'
import { objectKey } from '../../model/names.ts'
import type { Secret, SecretReference } from '../../model/resources.ts'
import type { Log } from '../../telemetry/log.ts'
import type { SecretReader } from '../../tokens/secret-reader.ts'

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
    })
    watches.set(key, watch)
    watch.store.subscribe(() => {
      for (const listener of listeners) listener(reference)
    })
    await watch.start()
    return watch
  }

  async function firstList(
    watch: WatchedStore<Secret>,
    reference: SecretReference,
    signal: AbortSignal,
  ): Promise<void> {
    const what = `reading Secret ${objectKey(reference.namespace, reference.name)}`
    try {
      await withDeadline({ clock, ms: FIRST_LIST_MS, what, parent: signal }, (inTime) =>
        watch.store.whenSynced(inTime),
      )
    } catch (thrown) {
      if (!signal.aborted) readFailed()
      throw thrown
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
        end(watch)
      }
    },
    async stop() {
      await Promise.all([...watches.values()].map((watch) => watch.stop()))
    },
  }
}
