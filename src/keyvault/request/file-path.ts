/** Rules of the CSI driver's writer, in bytes as Go counts. */
const LONGEST_PATH = 4_096
const LONGEST_ELEMENT = 255

/**
 * Why the CSI driver would not write this path into the volume; undefined when it would. The first three are the old
 * provider's words; what follows, it let through and the driver then refused.
 */
export function filePathProblem(path: string): string | undefined {
  if (path === '') return 'file name must not be empty'
  if (path.startsWith('/')) return 'file name must be a relative path'
  if (path.includes('..')) return "file name must not contain '..'"
  const elements = path.split('/')
  if (elements.some((each) => each === '' || each === '.'))
    return 'file name must be a clean path, without empty elements, "." and a slash at its end'
  if (Buffer.byteLength(path) > LONGEST_PATH)
    return `file name must be less than or equal to ${LONGEST_PATH} characters`
  if (elements.some((each) => Buffer.byteLength(each) > LONGEST_ELEMENT))
    return `file name must have elements of less than or equal to ${LONGEST_ELEMENT} characters`
  if (path.includes('\0') || !path.isWellFormed()) return 'file name must be text without NUL'
  return undefined
}
