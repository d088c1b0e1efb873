import { KubeAnswerError } from './connection.ts'

const NEWLINE = 0x0a

/**
 * Cuts a stream of bytes into lines. It works on bytes, so a character that is cut in two by the
 * network is whole again before anything is decoded.
 */
export interface LineSplitter {
  /**
   * The lines that are complete now, without their line end; empty ones are left out.
   * @throws KubeAnswerError when a line grows beyond the bound.
   */
  push(chunk: Uint8Array): Iterable<string>
  /** Bytes of an unfinished line. */
  readonly pending: number
}

export function createLineSplitter(maxLineBytes: number): LineSplitter {
  let pieces: Uint8Array[] = []
  let pending = 0

  function keep(piece: Uint8Array): void {
    pending += piece.length
    if (pending > maxLineBytes) {
      pieces = []
      pending = 0
      throw new KubeAnswerError(`a line of the watch is larger than ${maxLineBytes} bytes`, {
        tooLarge: true,
      })
    }
    if (piece.length > 0) pieces.push(piece)
  }

  function take(): string {
    const line = Buffer.concat(pieces).toString('utf8')
    pieces = []
    pending = 0
    return line
  }

  return {
    *push(chunk) {
      let from = 0
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
        keep(chunk.subarray(from, end))
        from = end + 1
        const line = take().trim()
        if (line !== '') yield line
      }
      keep(chunk.subarray(from))
    },
    get pending() {
      return pending
    },
  }
}
