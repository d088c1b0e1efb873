/** True for what the kernel allows as the name of a network device; nothing else may become part of a path. */
export function isDeviceName(text: string): boolean {
  return /^[^\s/:]{1,15}$/.test(text) && text !== '.' && text !== '..'
}
