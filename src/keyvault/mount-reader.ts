import type { VaultObject, VaultVersion } from '../azure/vault-objects.ts'
import type { Read, ReadContext, VaultReader, Wanted } from './vault/vault-reader.ts'

/** The vault as one mount sees it. */
export interface MountReader {
  /** @throws VaultError; the signal's reason when it aborts */
  object(wanted: Wanted): Promise<Read<VaultObject>>
  /** @throws VaultError; the signal's reason when it aborts */
  versions(of: Omit<Wanted, 'version'>): Promise<Read<readonly VaultVersion[]>>
}

/**
 * Reads of one mount before the vault at once. What waits here waits as long as the mount may take; in the line for
 * the vault, which has an end and a time limit, all mounts of a node have room with so many each.
 */
const AT_ONCE = 10

/** Each question of the mount is asked once, however many files want its answer, and a few are asked at a time. */
export function createMountReader(
  reader: VaultReader,
  context: ReadContext,
  signal: AbortSignal,
): MountReader {
  const window = createWindow(AT_ONCE)
  const objects = new Map<string, Promise<Read<VaultObject>>>()
  const lists = new Map<string, Promise<Read<readonly VaultVersion[]>>>()

  function once<T>(
    asked: Map<string, Promise<T>>,
    parts: readonly string[],
    ask: () => Promise<T>,
  ): Promise<T> {
    const key = parts.join('/').toLowerCase()
    const known = asked.get(key)
    if (known !== undefined) return known
    const answer = window(() => {
      signal.throwIfAborted()
      return ask()
    })
    asked.set(key, answer)
    return answer
  }

  return {
    object: (wanted) =>
      once(objects, [wanted.shelf, wanted.name, wanted.version], () =>
        reader.object(context, wanted, signal),
      ),
    versions: (of) => once(lists, [of.shelf, of.name], () => reader.versions(context, of, signal)),
  }
}

/** Runs so many at once, the others in the order they came. */
function createWindow(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let active = 0
  return async (work) => {
    if (active < atOnce) active += 1
    else {
      // Whoever ends hands its place on.
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      await promise
    }
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) active -= 1
      else next()
    }
  }
}
