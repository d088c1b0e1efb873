import { nearMatch } from '../../model/near-match.ts'
import { shown } from '../shown.ts'

/** Names compared with the known ones; a class has a dozen. */
const MOST_COMPARED = 64

/** ` (keyVaultName is given: it is written keyvaultName)`, or nothing. */
export function spellingHint(misspelled: ReadonlyMap<string, string>, ...names: readonly string[]): string {
  const hints = names.flatMap((name) => {
    const given = misspelled.get(name)
    return given === undefined ? [] : [`${shown(given)} is given: it is written ${name}`]
  })
  return hints.length === 0 ? '' : ` (${hints.join('; ')})`
}

/** For each known name the unknown one that is nearest to it and to no other. */
export function nearMissesOf(given: Iterable<string>, known: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  let compared = 0
  for (const name of given) {
    if (known.includes(name) || name.includes('/')) continue
    compared += 1
    if (compared > MOST_COMPARED) break
    const near = nearMatch(name, known)
    if (near !== undefined && !found.has(near)) found.set(near, name)
  }
  return found
}
