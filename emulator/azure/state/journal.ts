import type { Clock } from '../../../src/base/clock.ts'
import type { Exchange, ServiceName } from '../http/exchange.ts'

/** What is kept of one request. No Authorization header, and bodies of ARM writes only. */
export interface RequestRecord {
  readonly number: number
  readonly atMs: number
  readonly service: ServiceName
  readonly route: string
  readonly method: string
  readonly host: string
  readonly target: string
  readonly remoteAddress: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  /** For IMDS: the VM or instance that asked. */
  readonly compute?: string
  /** HTTP status; 0 when the connection was cut instead. Undefined while it runs. */
  status?: number
  /** Wall clock when the whole answer was handed to the socket. */
  finishedMs?: number
  /** Which fault was put in, if any. */
  fault?: string
}

/** Something a well-behaved client never does. Tests expect this list to be empty. */
export interface Violation {
  readonly atMs: number
  readonly rule: string
  readonly detail: string
}

/** The parts of a plan that are kept. */
interface About {
  readonly route: string
  readonly body?: unknown
  readonly compute?: string
}

const KEPT_REQUESTS = 20_000
const KEPT_VIOLATIONS = 1_000
const HIDDEN_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization'])

/** Requests, counters per route and violations of one emulator. Bounded: the oldest go first. */
export class Journal {
  readonly #clock: Clock
  readonly #requests: RequestRecord[] = []
  readonly #violations: Violation[] = []
  readonly #counters = new Map<string, number>()
  #number = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(exchange: Exchange, service: ServiceName, about: About): RequestRecord {
    this.#number += 1
    const record: RequestRecord = {
      number: this.#number,
      atMs: this.#clock.now(),
      method: exchange.method,
      host: exchange.host,
      target: exchange.target,
      remoteAddress: exchange.remoteAddress,
      headers: visibleHeaders(exchange),
      service,
      route: about.route,
      ...(about.body === undefined ? {} : { body: about.body }),
      ...(about.compute === undefined ? {} : { compute: about.compute }),
    }
    this.#requests.push(record)
    if (this.#requests.length > KEPT_REQUESTS) this.#requests.shift()
    this.count(about.route)
    return record
  }

  count(name: string): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1)
  }

  violate(rule: string, detail: string): void {
    if (this.#violations.length < KEPT_VIOLATIONS)
      this.#violations.push({ atMs: this.#clock.now(), rule, detail })
  }

  get requests(): readonly RequestRecord[] {
    return this.#requests
  }

  get violations(): readonly Violation[] {
    return this.#violations
  }

  /** Calls per route name since the start or the last `clear`. */
  get counters(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counters].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  clear(): void {
    this.#requests.length = 0
    this.#violations.length = 0
    this.#counters.clear()
  }
}

function visibleHeaders(exchange: Exchange): Record<string, string> {
  const visible: Record<string, string> = {}
  for (const [name, value] of Object.entries(exchange.headers)) {
    if (value !== undefined && !HIDDEN_HEADERS.has(name)) visible[name] = String(value)
  }
  return visible
}
