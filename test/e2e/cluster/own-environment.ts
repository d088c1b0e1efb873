/** The environment of this process, for programs that build: it says where registries are and whom to trust. */
export function ownEnvironment(): Record<string, string> {
  const set = Object.entries(process.env).filter((each): each is [string, string] => each[1] !== undefined)
  return Object.fromEntries(set)
}
