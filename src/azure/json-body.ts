/** The JSON value of a body; undefined when it is none (HTML, empty, cut off). */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8').replace(/^\uFEFF/, '')) as unknown
  } catch {
    // Not an error of ours: the caller says what it got instead of JSON.
    return undefined
  }
}
