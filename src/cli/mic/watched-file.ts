import { watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'

/** A burst of writes is one change. */
const SETTLE_MS = 200

/** How often `changed` is called where the kernel tells nothing. */
const LOOK_EVERY_MS = 60_000

export interface FileWatch {
  readonly clock: Clock
  /** The file may have changed: also called for other files of its folder, and every minute without a watch. */
  readonly changed: () => void
  /** The kernel gives no watch (any more). */
  readonly failed: (error: Error) => void
  /** Instead of the file system's own, in tests. @throws Error when there is none to be had */
  readonly open?: (folder: string, events: FolderEvents) => { close(): void }
}

export interface FolderEvents {
  readonly changed: () => void
  readonly failed: (error: Error) => void
}

/**
 * Calls `changed` when a file may have changed. Its folder is watched: a mounted file is replaced by swapping a
 * link beside it. A node has few inotify instances for all its root processes (128 by default), and kubelet,
 * containerd and other pods use them up: where there is none left, the file is looked at every minute instead.
 * @returns what ends it
 */
export function watchFile(
  file: string,
  { clock, changed, failed, open = openFolder }: FileWatch,
): () => void {
  let timer: Timer | undefined
  let watcher: { close(): void } | undefined
  const after = (ms: number, then: () => void): void => {
    timer?.cancel()
    timer = clock.after(ms, then)
  }
  const lookNow = (): void => {
    changed()
    after(LOOK_EVERY_MS, lookNow)
  }
  const lookOn = (error: Error): void => {
    watcher?.close()
    failed(error)
    after(LOOK_EVERY_MS, lookNow)
  }
  try {
    watcher = open(dirname(file), { changed: () => after(SETTLE_MS, changed), failed: lookOn })
  } catch (thrown) {
    lookOn(asError(thrown))
  }
  return () => {
    watcher?.close()
    timer?.cancel()
  }
}

function openFolder(folder: string, { changed, failed }: FolderEvents): { close(): void } {
  const watcher = watch(folder, { persistent: false }, changed)
  watcher.on('error', failed)
  return watcher
}
