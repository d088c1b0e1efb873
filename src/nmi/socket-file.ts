import { randomBytes } from 'node:crypto'
import { lstatSync, mkdirSync, renameSync, type Stats, statSync, unlinkSync } from 'node:fs'
import type { Server } from 'node:net'
import { dirname, resolve } from 'node:path'
import { codeOf, errorText, OperatorError } from '../base/errors.ts'

/** The name in the file system under which a server listens. */
export interface SocketFile {
  /** Removes the name, unless another socket has taken it meanwhile. @throws Error when the file system refuses. */
  remove(): void
}

/** `sun_path` of Linux holds 108 bytes with the closing zero; the name that is bound first has 9 more. */
const LONGEST_PATH = 107 - 9

/**
 * Listens on a Unix socket that only this process's user may open. It is bound under a name of its own and then
 * renamed over the path, so that the path leads to a listening socket at every moment: what a dead agent left is
 * replaced, and a living one's is taken over without a gap.
 * @throws OperatorError when the path or its folder is not fit for that
 */
export async function bindSocketFile(server: Server, path: string): Promise<SocketFile> {
  checkPath(path)
  prepareFolder(dirname(path))
  checkFormer(path)
  const bound = `${path}.${randomBytes(4).toString('hex')}`
  await listenAlone(server, bound)
  const own = lstatSync(bound)
  try {
    renameSync(bound, path)
  } catch (thrown) {
    server.close()
    throw unfit(path, `the socket cannot get that name: ${errorText(thrown)}`, thrown)
  }
  return {
    remove() {
      // The socket keeps its inode while it listens, so no other file can have the number.
      const now = statOf(path)
      if (now?.ino === own.ino && now.dev === own.dev) unlinkSync(path)
    },
  }
}

function checkPath(path: string): void {
  if (resolve(path) !== path) throw unfit(path, 'it is no absolute path in plain spelling')
  if (Buffer.byteLength(path) > LONGEST_PATH) throw unfit(path, `it is longer than ${LONGEST_PATH} bytes`)
}

/** Whoever may write to the folder could put a socket of his own there. */
function prepareFolder(folder: string): void {
  let stats: Stats
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    stats = statSync(folder)
  } catch (thrown) {
    throw unfit(folder, `the folder cannot be made: ${errorText(thrown)}`, thrown)
  }
  if (stats.uid !== process.getuid?.()) throw unfit(folder, 'the folder belongs to another user')
  if ((stats.mode & 0o022) !== 0) throw unfit(folder, 'others than its owner may write to the folder')
}

function checkFormer(path: string): void {
  const former = statOf(path)
  if (former !== undefined && !former.isSocket()) throw unfit(path, 'there is something that is no socket')
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

/** Node binds within the call, so the file never exists with another mode. */
async function listenAlone(server: Server, path: string): Promise<void> {
  const { promise, resolve: listening, reject } = Promise.withResolvers<undefined>()
  server.once('error', reject)
  const before = process.umask(0o177)
  try {
    server.listen(path, () => listening(undefined))
  } finally {
    process.umask(before)
  }
  try {
    await promise
  } catch (thrown) {
    throw unfit(path, `it cannot be listened on: ${codeOf(thrown) ?? errorText(thrown)}`, thrown)
  } finally {
    server.removeListener('error', reject)
  }
}

function unfit(path: string, why: string, cause?: unknown): OperatorError {
  return new OperatorError(`${path} (--host-door-socket): ${why}`, { cause })
}
