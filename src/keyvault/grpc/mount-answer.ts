import { MountFailure } from '../mount-failure.ts'
import type { MountResult } from '../mount-order.ts'
import type { MountResponse } from './generated/driver.ts'

/** What the driver takes at once unless its `--max-call-recv-msg-size` says otherwise. */
export const DEFAULT_ANSWER_BYTES = 4 * 1024 * 1024

/** More than tags and lengths of one entry take: three fields, each of one byte and a length of up to five. */
const ENTRY_BYTES = 32

/**
 * The answer to the driver, if it takes it: a larger one would end as `received message larger than max` there.
 * @throws MountFailure `answer-too-large`
 */
export function mountAnswer({ files, objectVersions }: MountResult, limitBytes: number): MountResponse {
  let bytes = 0
  for (const { path, contents } of files) bytes += ENTRY_BYTES + Buffer.byteLength(path) + contents.length
  for (const { id, version } of objectVersions) {
    bytes += ENTRY_BYTES + Buffer.byteLength(id) + Buffer.byteLength(version)
  }
  if (bytes > limitBytes) {
    throw new MountFailure(
      'answer-too-large',
      `the ${files.length} files of the volume are ${bytes} bytes together, the CSI driver takes ${limitBytes} at once`,
    )
  }
  return { objectVersion: [...objectVersions], error: undefined, files: [...files] }
}
