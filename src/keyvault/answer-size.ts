import { MountFailure } from './mount-failure.ts'

/** More than tags and lengths of one entry take: three fields, each of one byte and a length of up to five. */
const ENTRY_BYTES = 32

/** What the entries of one answer take on the wire so far. */
export interface AnswerSize {
  /** @throws MountFailure `answer-too-large` */
  file(path: string, contents: Buffer): void
  /** @throws MountFailure `answer-too-large` */
  version(id: string, version: string): void
}

/** A larger answer than the driver takes would end as `received message larger than max` there. */
export function createAnswerSize(limitBytes: number): AnswerSize {
  let bytes = 0
  const add = (more: number, what: string): void => {
    bytes += ENTRY_BYTES + more
    if (bytes <= limitBytes) return
    throw new MountFailure(
      'answer-too-large',
      `the files of the volume are together larger than the ${limitBytes} bytes that the CSI driver takes at once, reached with ${what}`,
    )
  }
  return {
    file: (path, contents) => add(Buffer.byteLength(path) + contents.length, path),
    version: (id, version) => add(Buffer.byteLength(id) + Buffer.byteLength(version), id),
  }
}
