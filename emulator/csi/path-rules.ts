import { posix } from 'node:path'

const MAX_PATH_BYTES = 4_096
const MAX_NAME_BYTES = 255

/** Why the driver does not write a file of this path, in its words; undefined when it does. */
export function pathFault(path: string): string | undefined {
  if (path === '') return 'invalid path: must not be empty: ""'
  if (path.startsWith('/')) return `invalid path: must be relative path: ${path}`
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    return `invalid path: must be less than or equal to ${MAX_PATH_BYTES} characters`
  }
  const names = path.split('/')
  for (const name of names) {
    if (name === '..') return `invalid path: must not contain '..': ${path}`
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
      return `invalid path: filenames must be less than or equal to ${MAX_NAME_BYTES} characters`
    }
  }
  if (names[0]?.startsWith('..') === true) return `invalid path: must not start with '..': ${path}`
  return isClean(path) ? undefined : `invalid filepath: ${JSON.stringify(path)}`
}

/** Whether the shortest spelling of the path is its own: no `.`, no `//`, no slash at the end. */
function isClean(path: string): boolean {
  return posix.normalize(path) === path && !path.endsWith('/')
}
