/** Longest texts compared; selectors and flags are shorter, hostile ones cost nothing. */
const LONGEST = 63

/** The candidate that is most like `text`, if one is near enough to be a typing error; ties go to the first by name. */
export function nearMatch(text: string, candidates: Iterable<string>): string | undefined {
  if (text.length > LONGEST) return undefined
  const wanted = text.toLowerCase()
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    // Only what is as near as the best so far is of use.
    const most = Math.min(allowed(text, candidate), bestDistance)
    if (candidate.length > LONGEST || Math.abs(text.length - candidate.length) > most) continue
    const distance = editDistance(wanted, candidate.toLowerCase(), most)
    if (distance > most) continue
    if (distance < bestDistance || (best !== undefined && candidate < best)) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** One typing error in short words, two in longer ones, three in long ones. */
function allowed(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  if (length <= 2) return 1
  return length <= 6 ? 2 : 3
}

/**
 * Insertions, deletions, replacements and swaps of neighbours ("optimal string alignment"), or more than `most`. What
 * both begin with is left out, and of the table all but the cells that are at most `most` off its diagonal: a
 * row holds those of the second text from `i - most` to `i + most`.
 */
function editDistance(left: string, right: string, most: number): number {
  const begun = commonBeginning(left, right)
  const [a, b] = [left.slice(begun), right.slice(begun)]
  const width = 2 * most + 1
  // One cell more than the row, so that none is read that is not there.
  let beforeLast = new Uint8Array(width + 1).fill(FAR)
  let last = new Uint8Array(width + 1).fill(FAR)
  let row = new Uint8Array(width + 1).fill(FAR)
  for (let j = 0; j <= most; j += 1) last[most + j] = j
  for (let i = 1; i <= a.length; i += 1) {
    let least = FAR
    let before = FAR
    for (let cell = 0; cell < width; cell += 1) {
      const j = i - most + cell
      let cost = j === 0 ? i : FAR
      if (j > 0 && j <= b.length) {
        const replaced = at(last, cell) + (a[i - 1] === b[j - 1] ? 0 : 1)
        cost = Math.min(at(last, cell + 1) + 1, before + 1, replaced)
        const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
        if (swapped) cost = Math.min(cost, at(beforeLast, cell) + 1)
      }
      row[cell] = before = cost
      least = Math.min(least, cost)
    }
    if (least > most) return FAR
    ;[beforeLast, last, row] = [last, row, beforeLast]
  }
  return at(last, b.length - a.length + most)
}

/** More than any distance that counts. */
const FAR = 2 * LONGEST

function commonBeginning(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length += 1
  return length
}

function at(row: Uint8Array, index: number): number {
  return row[index] ?? FAR
}
