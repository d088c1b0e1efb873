/**
 * Seconds that a `Retry-After` header asks for: a number of seconds or an HTTP date (RFC 9110 section
 * 10.2.3), at least 0 and at most `maxSeconds`, so that a wrong header cannot stop anybody for hours.
 * Undefined when there is none or it cannot be read.
 */
export function parseRetryAfter(
  header: string | undefined,
  nowMs: number,
  maxSeconds: number,
): number | undefined {
  const text = header?.trim() ?? ''
  if (text === '' || text.length > 64) return undefined
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : secondsUntil(text, nowMs)
  if (seconds === undefined || !Number.isFinite(seconds)) return undefined
  return Math.min(maxSeconds, Math.max(0, Math.ceil(seconds)))
}

/** Only dates with a weekday and a month's name: `Date.parse` alone takes nearly anything for a date. */
function secondsUntil(text: string, nowMs: number): number | undefined {
  if (!/^[A-Z][a-z]+, ?\d{1,2}[ -][A-Z][a-z]{2}[ -]\d{2,4} /.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : (at - nowMs) / 1000
}
