/** A file or a folder of a volume, and the object that it is of. */
interface Entry {
  readonly owner: number
  readonly children?: Map<string, Entry>
}

/**
 * The files of a volume: no two at one path, and none where another one needs a folder.
 * `add` takes `path` for the object `owner`, and gives the object that it collides with instead, if there is one.
 */
export function createFileTree(): { add(path: string, owner: number): number | undefined } {
  const root = new Map<string, Entry>()
  return {
    add(path, owner) {
      const elements = path.split('/')
      const last = elements.pop() ?? ''
      let folder = root
      for (const element of elements) {
        const entry: Entry = folder.get(element) ?? { owner, children: new Map() }
        if (entry.children === undefined) return entry.owner
        folder.set(element, entry)
        folder = entry.children
      }
      const there = folder.get(last)
      if (there !== undefined) return there.owner
      folder.set(last, { owner })
      return undefined
    },
  }
}
