import { open, writeFile } from 'node:fs/promises'

/** The few files of the node that are read or written here. */
export interface HostFiles {
  /** At most the first MiB. @throws the system's error. */
  read(path: string): Promise<string>
  write(path: string, text: string): Promise<void>
}

const LONGEST_READ = 1024 * 1024

export const hostFiles: HostFiles = {
  async read(path) {
    const file = await open(path, 'r')
    try {
      const parts: Buffer[] = []
      let total = 0
      // Files of procfs have no size and come in pieces.
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(65_536), 0, 65_536, null)
        if (bytesRead === 0 || total >= LONGEST_READ) return Buffer.concat(parts).toString('utf8')
        parts.push(buffer.subarray(0, bytesRead))
        total += bytesRead
      }
    } finally {
      await file.close()
    }
  },
  write: (path, text) => writeFile(path, text),
}
