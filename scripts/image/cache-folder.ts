import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where scripts keep what they downloaded: outside the checkout, so that a fresh clone finds it again. */
export function cacheFolder(...names: readonly string[]): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'podid', ...names)
}
