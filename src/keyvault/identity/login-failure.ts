import { UpstreamError } from '../../azure/upstream-error.ts'
import { MountFailure } from '../mount-failure.ts'

/**
 * What Entra or IMDS threw, as the failure of a mount; anything else as it is.
 * @param who begins the text: `workload identity with client id ...`
 * @param hint ends it
 */
export function loginFailure(who: string, thrown: unknown, hint = ''): unknown {
  if (!(thrown instanceof UpstreamError)) return thrown
  const passes = thrown.kind === 'throttled' || thrown.kind === 'unavailable'
  const text = `${who}: ${withoutAddresses(thrown.message)}${hint}`
  return new MountFailure(passes ? 'identity-unavailable' : 'identity-refused', text, { cause: thrown })
}

/** Names resolve to another address each time; a text with one in it would never be the same twice. */
function withoutAddresses(text: string): string {
  return text.replaceAll(/ (?:\d{1,3}(?:\.\d{1,3}){3}|\[?[\da-f]*:[\da-f:]+:[\da-f]*\]?):\d{1,5}\b/gi, '')
}
