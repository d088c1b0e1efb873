import type { VaultVersion } from './vault-objects.ts'

/** Lines of a list that are kept. Ten times what one object may have in a volume. */
export const MOST_VERSIONS = 1_000

/** The list in its order; of a longer one than MOST_VERSIONS those that are enabled first, and of these the newest. */
export function newestOf(list: readonly VaultVersion[]): readonly VaultVersion[] {
  if (list.length <= MOST_VERSIONS) return list
  const kept = new Set(list.toSorted(byUse).slice(0, MOST_VERSIONS))
  return list.filter((each) => kept.has(each))
}

function byUse(a: VaultVersion, b: VaultVersion): number {
  return Number(b.enabled) - Number(a.enabled) || newestFirst(a, b)
}

/** Those of one second stand in the order of their names, so that a repeat gives the same. */
export function newestFirst(a: VaultVersion, b: VaultVersion): number {
  return b.created - a.created || (a.version < b.version ? -1 : 1)
}
