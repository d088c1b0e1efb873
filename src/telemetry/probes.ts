import type { IncomingMessage, ServerResponse } from 'node:http'
import { createDoor, type Door } from './http-door.ts'

/** One condition of readiness or liveness. */
export interface Check {
  readonly name: string
  /** Why it fails, with what to do; undefined when all is well. */
  readonly failure: string | undefined
}

export interface ProbeOptions {
  readonly host: string
  readonly port: number
  /** Ready means: may be sent traffic. Depends on the outside. */
  readonly ready: () => readonly Check[]
  /** Live means: a restart would not help. Depends on nothing outside the process. */
  readonly live: () => readonly Check[]
  /** Body of the old `/healthz`, which answers 200 whatever it says: `Active` or `Not Active`. */
  readonly healthz: () => string
}

/**
 * `/healthz` as AAD Pod Identity had it, and `/livez` and `/readyz` with status codes that Kubernetes
 * understands and the failed checks in the body.
 */
export function createProbes(options: ProbeOptions): Door {
  return createDoor({ ...options, purpose: 'probes (--http-probe-port)' }, (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0]
    if (refusesMethod(request, response)) return
    if (path === '/healthz') answer(response, 200, options.healthz())
    else if (path === '/livez') answerChecks(response, options.live())
    else if (path === '/readyz') answerChecks(response, options.ready())
    else answer(response, 404, 'not found: /healthz, /livez and /readyz are here\n')
  })
}

/** Answers 405 and returns true for anything but GET and HEAD. */
export function refusesMethod(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.method === 'GET' || request.method === 'HEAD') return false
  response.setHeader('Allow', 'GET, HEAD')
  answer(response, 405, 'method not allowed\n')
  return true
}

export function answer(
  response: ServerResponse,
  status: number,
  body: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}

/** 200 when all pass, else 503; a line for each. */
export function answerChecks(response: ServerResponse, checks: readonly Check[]): void {
  const lines = checks.map(({ name, failure }) =>
    failure === undefined ? `[+] ${name} ok` : `[-] ${name} failed: ${failure}`,
  )
  const failed = checks.some((check) => check.failure !== undefined)
  answer(response, failed ? 503 : 200, `${lines.join('\n')}\n${failed ? 'not ok' : 'ok'}\n`)
}
