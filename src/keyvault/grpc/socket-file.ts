import { randomBytes } from 'node:crypto'
import { linkSync, lstatSync, unlinkSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { codeOf } from '../../base/errors.ts'

/** Which file a path names. An inode is not used again while a socket is bound to it. */
export interface FileIdentity {
  readonly device: bigint
  readonly inode: bigint
  /** Nanoseconds; tells two files apart that had the same inode one after the other. */
  readonly changedAt: bigint
  readonly isSocket: boolean
}

/** A socket of ours that listens at a path. */
export interface BoundSocket {
  /** Whether the path still leads here. */
  stands(): boolean
  /** Takes the file away if it is still ours and stops listening; open connections go on. */
  close(): Promise<void>
}

export interface SocketEvents {
  readonly onConnection: (socket: Socket) => void
  /** A connection could not be taken, such as for want of file descriptors; the socket goes on listening. */
  readonly onError: (error: Error) => void
}

/** The driver of the node holds one connection; health checks come and go. */
const MAX_CONNECTIONS = 64

/** @returns undefined when nothing is there */
export function identityOf(path: string): FileIdentity | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  if (found === undefined) return undefined
  return { device: found.dev, inode: found.ino, changedAt: found.ctimeNs, isSocket: found.isSocket() }
}

export function isSameFile(one: FileIdentity, other: FileIdentity): boolean {
  return one.device === other.device && one.inode === other.inode
}

/** Removes the file only if it is the one that was looked at: in between, somebody else may have begun to serve. */
export function removeStale(path: string, looked: FileIdentity): void {
  const now = identityOf(path)
  if (now === undefined || !isSameFile(now, looked) || now.changedAt !== looked.changedAt) return
  unlinkSync(path)
}

/**
 * Listens at `path` for root only, if nothing is there. The socket is bound under another name and linked to its
 * place: so it never replaces a file, nobody may connect before its mode is right, and closing it removes no file
 * that another program has put there (Node removes the name it was bound under, whatever that is by then).
 * @returns undefined when another one was faster
 * @throws Error of the system: no such folder, not permitted
 */
export async function bindSocket(
  path: string,
  { onConnection, onError }: SocketEvents,
): Promise<BoundSocket | undefined> {
  const server = createServer(onConnection)
  server.maxConnections = MAX_CONNECTIONS
  const temporary = `${path}.${randomBytes(4).toString('hex')}`
  await listenForRoot(server, temporary)
  server.on('error', onError)
  const own = identityOf(temporary)
  try {
    linkSync(temporary, path)
  } catch (thrown) {
    await stopListening(server)
    if (codeOf(thrown) === 'EEXIST') return undefined
    throw thrown
  }
  unlinkSync(temporary)
  const stands = (): boolean => {
    const now = identityOf(path)
    return own !== undefined && now !== undefined && isSameFile(now, own)
  }
  return {
    stands,
    close() {
      try {
        if (stands()) unlinkSync(path)
      } catch {
        // What cannot be looked at or taken away is left to the next one, who removes it as nobody serves it.
      }
      return stopListening(server)
    },
  }
}

async function listenForRoot(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  server.once('error', reject)
  // Node binds within this call; the mask is the whole process's and is put back at once.
  const before = process.umask(0o077)
  try {
    server.listen({ path }, () => resolve(undefined))
  } finally {
    process.umask(before)
  }
  await promise
  server.removeListener('error', reject)
}

/** Does not wait for connections: whoever took them over closes them. */
function stopListening(server: Server): Promise<void> {
  server.close()
  return Promise.resolve()
}
