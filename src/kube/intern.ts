/** Distinct strings kept; beyond that the pool starts anew, so that hostile names cannot grow it for ever. */
const POOL_SIZE = 20_000

/**
 * One copy of each string that many objects share (node names, namespaces, label values). JSON.parse
 * makes a fresh string for each occurrence; ten thousand pods would keep ten thousand copies.
 */
export function createInterner(size = POOL_SIZE): (text: string) => string {
  let pool = new Map<string, string>()
  return (text) => {
    const known = pool.get(text)
    if (known !== undefined) return known
    if (pool.size >= size) pool = new Map()
    pool.set(text, text)
    return text
  }
}
