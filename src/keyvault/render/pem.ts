/** One block of a PEM text (RFC 7468), with the header lines of the older form (RFC 1421) if it has any. */
export interface PemBlock {
  /** Such as `CERTIFICATE`. */
  readonly label: string
  readonly headers: readonly string[]
  readonly der: Buffer
}

export const CERTIFICATE = 'CERTIFICATE'

const COLUMNS = /.{1,64}/g

/** Lines of 64 columns and a line end after the last. */
export function pemText(label: string, der: Uint8Array, headers: readonly string[] = []): string {
  const body = Buffer.from(der).toString('base64').match(COLUMNS) ?? []
  const head = headers.length > 0 ? [...headers, ''] : []
  return [`-----BEGIN ${label}-----`, ...head, ...body, `-----END ${label}-----`, ''].join('\n')
}

const BEGIN = /^-----BEGIN (.{1,80}?)-----\s*$/

/** The blocks of a text in their order. What stands between them, or is no whole block, is passed over. */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = []
  let label: string | undefined
  let lines: string[] = []
  for (const line of text.split(/\r?\n/)) {
    const begins = BEGIN.exec(line)
    if (begins !== null) {
      label = begins[1] ?? ''
      lines = []
    } else if (label !== undefined && line.trimEnd() === `-----END ${label}-----`) {
      const block = blockOf(label, lines)
      if (block !== undefined) blocks.push(block)
      label = undefined
    } else if (label !== undefined) lines.push(line)
  }
  return blocks
}

function blockOf(label: string, lines: readonly string[]): PemBlock | undefined {
  const firstOfBody = lines.findIndex((line) => !line.includes(':'))
  const headers = lines.slice(0, Math.max(firstOfBody, 0))
  const body = lines.slice(headers.length).join('').replaceAll(/\s/g, '')
  if (/[^A-Za-z0-9+/=]/.test(body)) return undefined
  return { label, headers, der: Buffer.from(body, 'base64') }
}
