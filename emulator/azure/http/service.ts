import type { Exchange, Reply, ServiceName } from './exchange.ts'
import type { RequestHead } from './request-reading.ts'

/** What a service decided to do with a request, before it does it. */
export interface Plan {
  /** Name for counters and faults. */
  readonly route: string
  /** What to keep of the body in the journal; absent: nothing. */
  readonly body?: unknown
  /** For IMDS: which VM or instance asked. */
  readonly compute?: string
  readonly run: () => Reply | Promise<Reply>
}

/** One of the services of the small Azure, as the listener sees it. */
export interface Service {
  readonly name: ServiceName
  /** Longest body it reads, bytes. */
  readonly bodyLimit: number
  /** Whether it answers under this host name (without port). */
  ownsHost(name: string): boolean
  /** Whether it answers this request on a shared address that names no service (localhost, an IP). */
  ownsHead(head: RequestHead): boolean
  plan(exchange: Exchange): Plan
  /** Its own form of an error: for faults, for a body that is too large, for a defect of the emulator. */
  problem(status: number, text: string): Reply
  /** Headers that all of its answers carry. */
  headers(): Readonly<Record<string, string>>
}
