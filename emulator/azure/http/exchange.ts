import type { IncomingHttpHeaders } from 'node:http'

/** The services of the small Azure, as counters, faults and logs name them. */
export type ServiceName = 'entra' | 'imds' | 'arm' | 'vault'

/** One request as a service sees it: read whole, not interpreted beyond URL syntax. */
export interface Exchange {
  readonly method: string
  /** Host header, lower-case, with the port when the client sent one. */
  readonly host: string
  /** The request target exactly as it came. */
  readonly target: string
  /** Decoded path segments without empty ones, so doubled and trailing slashes do not matter. */
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly remoteAddress: string
  /** Aborts when the client is gone or the emulator closes. */
  readonly signal: AbortSignal
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** A string or bytes go out as they are; anything else as JSON. Absent: no body. */
  readonly body?: unknown
}

/** Thrown by validation: the answer that refuses the request. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly reply: Reply

  constructor(reply: Reply, what = 'request refused') {
    super(what)
    this.reply = reply
  }
}

/** Host name without the port. */
export function hostName(host: string): string {
  return host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d+$/, '')
}

export function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : (value ?? '')
}
