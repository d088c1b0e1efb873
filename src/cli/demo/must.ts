/** A step of the demo that did not happen. @throws Error with that text */
export function must(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise)
}
