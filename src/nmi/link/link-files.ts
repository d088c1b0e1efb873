import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'

/** What the kernel's files say, read synchronously: each is small and answered from memory. */
export interface LinkFiles {
  /** Undefined when the file cannot be read. `whole` is false when it is longer than 4 MiB. */
  read(path: string): FileText | undefined
  /** Empty when the folder cannot be read. */
  names(path: string): readonly string[]
  /** Number of the file behind the path, links followed; undefined when there is none. */
  inode(path: string): number | undefined
}

export interface FileText {
  readonly bytes: Buffer
  readonly whole: boolean
}

/** 32,000 IPv4 routes: more than a node has that learns those of some thousand others. */
const LONGEST_READ = 4 * 1024 * 1024

/** The kernel's own files. Every call is a few system calls and opens nothing that stays open. */
export function createLinkFiles(): LinkFiles {
  // Files of procfs and sysfs have no size: one buffer is filled again and again instead of guessed. What is never
  // filled of it takes no memory.
  const buffer = Buffer.allocUnsafeSlow(LONGEST_READ + 1)

  function fill(path: string): number {
    const file = openSync(path, 'r')
    try {
      let total = 0
      for (;;) {
        const count = readSync(file, buffer, total, buffer.length - total, null)
        total += count
        if (count === 0 || total === buffer.length) return total
      }
    } finally {
      closeSync(file)
    }
  }

  return {
    read(path) {
      const length = orUndefined(() => fill(path))
      if (length === undefined) return undefined
      return {
        bytes: Buffer.from(buffer.subarray(0, Math.min(length, LONGEST_READ))),
        whole: length <= LONGEST_READ,
      }
    },
    names: (path) => orUndefined(() => readdirSync(path)) ?? [],
    inode: (path) => orUndefined(() => statSync(path).ino),
  }
}

/** A file that is not there, or not for us, is an answer here: devices come and go while they are read. */
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
