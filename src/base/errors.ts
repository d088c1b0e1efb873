/** Causes may refer to each other in a circle. */
const MAX_DEPTH = 8

/** Text of anything that was thrown, with the causes behind it: `outer: inner: innermost`. */
export function errorText(thrown: unknown): string {
  const parts: string[] = []
  let current: unknown = thrown
  for (let depth = 0; depth < MAX_DEPTH && current !== undefined && current !== null; depth += 1) {
    const text = current instanceof Error ? oneLine(current) : textOf(current)
    if (parts.at(-1) !== text) parts.push(text)
    current = current instanceof Error ? current.cause : undefined
  }
  return parts.join(': ')
}

function textOf(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : (JSON.stringify(thrown) ?? typeof thrown)
}

function oneLine(error: Error): string {
  if (error.message !== '') return error.message
  // Node's connection errors over several addresses (AggregateError) have no message of their own.
  if (error instanceof AggregateError && error.errors.length > 0) return errorText(error.errors[0])
  return codeOf(error) ?? error.name
}

/** The `code` of a Node system error (`ECONNREFUSED`, `ENOENT`, ...), if there is one. */
export function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

/** Turns anything that was thrown into an Error, keeping it as it is when it already is one. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(textOf(thrown), { cause: thrown })
}

/**
 * A mistake of the person who runs podid: a wrong flag, an unreadable file, a missing capability.
 * `main` prints its message without a stack and exits with status 1.
 */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
}
