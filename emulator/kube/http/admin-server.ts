import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorText } from '../../../src/base/errors.ts'
import type { AuditLog } from '../audit.ts'
import type { Fault } from '../faults/fault.ts'
import type { FaultControls } from '../faults/fault-controls.ts'
import type { Fields } from '../json.ts'
import { isFields, textAt } from '../json.ts'
import { Door } from '../transport/door.ts'
import { readBody } from './request-body.ts'

interface AdminParts {
  readonly faults: FaultControls
  readonly audit: AuditLog
  dump(): Fields
  readonly host: string
}

/**
 * Faults, audit and state over plain HTTP on a port of its own, for test programs in other processes:
 * `GET|POST|DELETE /faults`, `POST /watches/drop|end|expire|bookmark`, `POST /compact`, `GET /audit`, `GET /state`.
 */
export class AdminServer {
  readonly #parts: AdminParts
  readonly #door: Door

  constructor(parts: AdminParts) {
    this.#parts = parts
    this.#door = new Door({
      host: parts.host,
      port: 0,
      handle: (request, response) => void this.#handle(request, response),
    })
  }

  get url(): string {
    return `http://${this.#parts.host}:${this.#door.port}`
  }

  open(): Promise<void> {
    return this.#door.open()
  }

  close(): Promise<void> {
    return this.#door.close()
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const text = (await readBody(request)).toString()
      const body: unknown = text === '' ? {} : JSON.parse(text)
      const answer = this.#answer(`${request.method ?? ''} ${request.url ?? ''}`, isFields(body) ? body : {})
      if (answer === undefined) reply(response, 404, { error: 'no such admin call' })
      else reply(response, 200, answer)
    } catch (thrown) {
      reply(response, 400, { error: errorText(thrown) })
    }
  }

  #answer(call: string, body: Fields): unknown {
    const { faults, audit } = this.#parts
    const resource = textAt(body, 'resource')
    const match = resource === '' ? {} : { resource }
    switch (call) {
      case 'GET /faults':
        return faults.list()
      case 'POST /faults':
        faults.add(faultOf(body))
        return faults.list()
      case 'DELETE /faults':
        faults.clear()
        return []
      case 'POST /watches/drop':
        return { dropped: faults.dropWatches(match, { midLine: body['midLine'] === true }) }
      case 'POST /watches/end':
        return { ended: faults.endWatches(match) }
      case 'POST /watches/expire':
        return { expired: faults.expireWatches(match) }
      case 'POST /watches/bookmark':
        faults.sendBookmarks(match)
        return {}
      case 'POST /compact':
        faults.compact()
        return {}
      case 'GET /audit':
        return audit.entries()
      case 'GET /state':
        return this.#parts.dump()
      default:
        return undefined
    }
  }
}

const ACTIONS = ['status', 'lost-answer', 'stall', 'reset', 'delay-watch', 'expired', 'garbage']

/** @throws Error for a fault that has no match or no known action. */
function faultOf(body: Fields): Fault {
  const { match, action, count, probability } = body
  if (!isFields(match) || !isFields(action) || !ACTIONS.includes(textAt(action, 'kind'))) {
    throw new Error(`a fault needs "match" and an "action" whose kind is one of ${ACTIONS.join(', ')}`)
  }
  return {
    match,
    action: action as unknown as Fault['action'],
    ...(typeof count === 'number' ? { count } : {}),
    ...(typeof probability === 'number' ? { probability } : {}),
  }
}

function reply(response: ServerResponse, code: number, value: unknown): void {
  response.writeHead(code, { 'Content-Type': 'application/json' })
  response.end(`${JSON.stringify(value)}\n`)
}
