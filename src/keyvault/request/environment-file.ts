import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import { type Cloud, customCloud } from '../../azure/clouds.ts'
import type { Clock } from '../../base/clock.ts'
import { withDeadline } from '../../base/deadline.ts'
import { codeOf, OperatorError } from '../../base/errors.ts'

/** An environment file has about 2 KiB. */
const LARGEST = 64 * 1024
const DEADLINE_MS = 2_000

/** Why the file gives no cloud; the message shows nothing of what it holds. */
export class EnvironmentFileError extends Error {
  override readonly name = 'EnvironmentFileError'
}

/**
 * The cloud of an environment file. A pod author chooses the path, so only regular files below the operator's
 * folder are read: neither `..` nor a link leads out of it, pipes and devices are not opened. What the file says
 * is the operator's word: the pod's token or secret goes to the login authority that it names. A relative path
 * begins in the folder.
 * @throws EnvironmentFileError; the signal's reason
 */
export function readEnvironmentFile(
  path: string,
  { folder, clock }: { readonly folder: string; readonly clock: Clock },
  signal: AbortSignal,
): Promise<Cloud> {
  return withDeadline({ clock, ms: DEADLINE_MS, what: 'reading cloudEnvFileName', parent: signal }, () =>
    read(path, folder),
  )
}

async function read(path: string, folder: string): Promise<Cloud> {
  const outside = new EnvironmentFileError(`it is not below the folder ${folder} (--cloud-env-folder)`)
  if (path.includes('\0') || folder === '') throw outside
  const wanted = resolve(folder, path)
  // Before the disk is asked: whether files elsewhere exist is nobody's business.
  if (!isBelow(wanted, resolve(folder))) throw outside
  try {
    const real = await realpath(wanted)
    if (!isBelow(real, await realpath(folder))) throw outside
    return cloudOf(await bytesOf(real))
  } catch (thrown) {
    if (thrown instanceof EnvironmentFileError) throw thrown
    if (codeOf(thrown) === 'ENOENT') throw new EnvironmentFileError('no such file or directory')
    throw new EnvironmentFileError(`it cannot be read (${codeOf(thrown) ?? 'unknown reason'})`, {
      cause: thrown,
    })
  }
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`)
}

/** Not blocking: opening a pipe would otherwise wait for its writer, and take a thread with it. */
async function bytesOf(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new EnvironmentFileError('it is not a regular file')
    if (stat.size > LARGEST) throw new EnvironmentFileError(`it is larger than ${LARGEST} bytes`)
    return await firstBytes(file, LARGEST + 1)
  } finally {
    await file.close()
  }
}

/** Bounded also when the file grows meanwhile. */
async function firstBytes(file: FileHandle, most: number): Promise<Buffer> {
  const buffer = Buffer.alloc(most)
  let length = 0
  while (length < most) {
    const { bytesRead } = await file.read(buffer, length, most - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  if (length === most) throw new EnvironmentFileError(`it is larger than ${LARGEST} bytes`)
  return buffer.subarray(0, length)
}

function cloudOf(bytes: Buffer): Cloud {
  try {
    return customCloud(bytes, { arm: false })
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown
    throw new EnvironmentFileError(thrown.message)
  }
}
