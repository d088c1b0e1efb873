import type { PfxOpener } from './pfx-openings.ts'

/** What becomes one file. `suffix` goes behind the path of the object: empty, `.crt` or `.key`. */
export interface RenderedPart {
  readonly suffix: '' | '.crt' | '.key'
  readonly contents: Buffer
}

/** Settings of the whole provider. */
export interface RenderSettings {
  /** Order the certificates of a PKCS#12 leaf first. */
  readonly constructPemChain: boolean
  /** Write `.crt` and `.key` beside the combined file, for secrets that back a certificate. */
  readonly separateFiles: boolean
}

/** What one mount renders with. */
export interface Rendering extends Pick<RenderSettings, 'separateFiles'> {
  readonly openPfx: PfxOpener
}
