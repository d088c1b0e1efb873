/** Listens to the logs of all components for what must never stand in one. */
export interface LogWatch {
  /** Something that nobody may log from now on: a value, or the text of a private key, line by line. */
  forbid(what: string, text: string): void
  hear(component: string, line: string): void
  /** Lines heard. */
  readonly lines: number
  /** `component: what`, each once, without the line itself. */
  readonly finds: readonly string[]
}

/** Two parts of base64url with a dot between them, the first the beginning of a JSON object: a token or an assertion. */
const TOKEN = /eyJ[\w-]{8,}\.[\w-]{8,}/
/** Shorter lines, such as the ends of a PEM text, say nothing. */
const SHORTEST = 12
const PEM_RULE = /^-----/

export function createLogWatch(): LogWatch {
  const forbidden = new Map<string, string>()
  const finds = new Set<string>()
  let lines = 0
  return {
    forbid(what, text) {
      for (const line of text.split('\n')) {
        if (line.length >= SHORTEST && !PEM_RULE.test(line)) forbidden.set(line, what)
      }
    },
    hear(component, line) {
      lines += 1
      if (TOKEN.test(line)) finds.add(`${component}: a token`)
      for (const [text, what] of forbidden) if (line.includes(text)) finds.add(`${component}: ${what}`)
    },
    get lines() {
      return lines
    },
    get finds() {
      return [...finds]
    },
  }
}
