import { VaultError } from '../azure/vault-error.ts'
import type { VaultObject } from '../azure/vault-objects.ts'
import { MOST_VERSIONS } from '../azure/vault-versions.ts'
import type { VaultToken } from './identity/vault-login.ts'
import { MountFailure } from './mount-failure.ts'
import type { MountOrder } from './mount-order.ts'
import { createMountReader, type MountReader } from './mount-reader.ts'
import { newestVersions } from './request/file-names.ts'
import type { ReadContext, VaultReader } from './vault/vault-reader.ts'
import { isAbsent, isOfVault, objectFailure } from './vault-failure.ts'
import { SHELF_OF, type WantedObject } from './wanted-object.ts'

/** One object as the vault gave it: a version for each file, none when it is optional and absent. */
export interface ReadObject {
  readonly wanted: WantedObject
  readonly versions: readonly VaultObject[]
  /** Set when some of it is the last known good: milliseconds since the epoch of the oldest read. */
  readonly staleSince?: number
}

export interface ReadAll {
  readonly order: MountOrder
  readonly token: VaultToken
  readonly freshness: ReadContext['freshness']
  readonly reader: VaultReader
  readonly leftOut: () => void
}

/**
 * All objects of a mount, some at a time. Failures of single objects are all
 * waited for and told together, in the order of the class, so that the text is the same each time; what
 * concerns the whole vault ends the others.
 * @throws MountFailure; the signal's reason
 */
export async function readObjects(all: ReadAll, signal: AbortSignal): Promise<readonly ReadObject[]> {
  const { order } = all
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const reader = createMountReader(all.reader, contextOf(all), both)
  let ofVault: MountFailure | undefined
  const settled = await Promise.allSettled(
    order.objects.map(async (wanted) => {
      try {
        return await readObject(all, wanted, reader)
      } catch (thrown) {
        const failure = failureOf(thrown, wanted, all)
        if (failure instanceof MountFailure && isOfVault(failure) && ofVault === undefined) {
          ofVault = failure
          stop.abort(failure)
        }
        throw failure
      }
    }),
  )
  signal.throwIfAborted()
  if (ofVault !== undefined) throw ofVault
  const [first, ...others] = settled.flatMap((each, index): Failed[] => {
    const wanted = order.objects[index]
    return each.status === 'rejected' && wanted !== undefined ? [{ wanted, error: each.reason }] : []
  })
  if (first !== undefined) throw together(first, others)
  return settled.filter((each) => each.status === 'fulfilled').map(({ value }) => value)
}

interface Failed {
  readonly wanted: WantedObject
  readonly error: unknown
}

/** Named besides the first failure; the rest is only counted. */
const MOST_NAMED = 5

/** The first failure in full, the others by object and code: what mends the first may mend them, too. */
function together({ error: first }: Failed, others: readonly Failed[]): unknown {
  if (!(first instanceof MountFailure) || others.length === 0) return first
  const named = others.slice(0, MOST_NAMED).map(({ wanted, error }) => {
    const code = error instanceof MountFailure ? error.code : 'internal-error'
    return `${wanted.type} ${wanted.name} (${code})`
  })
  const rest = others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : ''
  return new MountFailure(first.code, `${first.message}. Nor was read: ${named.join(', ')}${rest}`, {
    cause: first,
  })
}

function contextOf({ order, token, freshness }: ReadAll): ReadContext {
  return {
    origin: order.vault.origin,
    token: token.value,
    reader: token.reader,
    pod: `${order.pod.namespace}/${order.pod.name}`,
    freshness,
    lastKnownGoodMs: order.lastKnownGoodMs,
  }
}

async function readObject(
  all: Pick<ReadAll, 'leftOut'>,
  wanted: WantedObject,
  reader: MountReader,
): Promise<ReadObject> {
  const shelf = SHELF_OF[wanted.type]
  const { name } = wanted
  try {
    if (wanted.history <= 1) {
      const { value, staleSince } = await reader.object({ shelf, name, version: wanted.version })
      return read(wanted, [value], [staleSince])
    }
    const list = await reader.versions({ shelf, name })
    const chosen = newestVersions(list.value, wanted)
    if (chosen.length === 0) throw noSuchVersion(wanted, list.value.length)
    const reads = await Promise.all(chosen.map(({ version }) => reader.object({ shelf, name, version })))
    return read(
      wanted,
      reads.map(({ value }) => value),
      [list.staleSince, ...reads.map(({ staleSince }) => staleSince)],
    )
  } catch (thrown) {
    if (!wanted.optional || !isAbsent(thrown)) throw thrown
    all.leftOut()
    return { wanted, versions: [] }
  }
}

function read(
  wanted: WantedObject,
  versions: readonly VaultObject[],
  stale: readonly (number | undefined)[],
): ReadObject {
  const since = stale.filter((each) => each !== undefined)
  return since.length === 0 ? { wanted, versions } : { wanted, versions, staleSince: Math.min(...since) }
}

function noSuchVersion({ version }: WantedObject, listed: number): VaultError {
  // It may be one of those that were not kept, so it does not count as absent.
  if (version !== '' && listed >= MOST_VERSIONS)
    return new VaultError(
      'refused',
      `version ${version} is not among its newest ${MOST_VERSIONS} enabled ones`,
    )
  const text = version === '' ? 'no version of it is enabled' : `it has no enabled version ${version}`
  return new VaultError('not-found', text, { status: 404 })
}

function failureOf(thrown: unknown, wanted: WantedObject, { order, token }: ReadAll): unknown {
  return thrown instanceof VaultError ? objectFailure({ error: thrown, wanted, order, token }) : thrown
}
