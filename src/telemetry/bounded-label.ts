/** Longer values are not worth a series of their own. */
const MAX_LENGTH = 256

/**
 * Keeps a label that users or callers choose from growing without bound: the first `max` different values pass, the
 * next ones become `other`. With `learn` false only known values pass.
 */
export function boundedLabel(max: number): (value: string, learn: boolean) => string {
  const known = new Set<string>([''])
  return (value, learn) => {
    if (known.has(value)) return value
    if (!learn || known.size > max || value.length > MAX_LENGTH) return 'other'
    known.add(value)
    return value
  }
}
