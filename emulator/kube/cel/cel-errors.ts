/** An expression that is beyond the part of CEL that is read here. It may be right all the same. */
export class UnreadableCel extends Error {
  override readonly name = 'UnreadableCel'
}

/** An expression that has no value for what it was asked about, in the words of cel-go. */
export class CelError extends Error {
  override readonly name = 'CelError'
}

export const NO_OVERLOAD = 'no such overload'

/** @throws CelError always. */
export function noOverload(): never {
  throw new CelError(NO_OVERLOAD)
}
