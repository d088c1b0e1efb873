import { createAnswerSize } from '../answer-size.ts'
import type { MountResult } from '../mount-order.ts'
import type { MountResponse } from './generated/driver.ts'

/**
 * The answer to the driver, if it takes it.
 * @throws MountFailure `answer-too-large`
 */
export function mountAnswer({ files, objectVersions }: MountResult, limitBytes: number): MountResponse {
  const size = createAnswerSize(limitBytes)
  for (const { path, contents } of files) size.file(path, contents)
  for (const { id, version } of objectVersions) size.version(id, version)
  return { objectVersion: [...objectVersions], error: undefined, files: [...files] }
}
