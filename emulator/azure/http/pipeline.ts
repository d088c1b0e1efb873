import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Clock } from '../../../src/base/clock.ts'
import { sleep } from '../../../src/base/deadline.ts'
import { errorText } from '../../../src/base/errors.ts'
import type { Spoiling } from '../faults/fault-rule.ts'
import type { FaultTable } from '../faults/fault-table.ts'
import type { Journal, RequestRecord } from '../state/journal.ts'
import type { Settings } from '../state/settings.ts'
import { Refused, type Reply } from './exchange.ts'
import { garbageReply } from './garbage.ts'
import { writeReply } from './reply-writing.ts'
import { BodyTooLarge, exchangeOf, type RequestHead, readBody, readHead } from './request-reading.ts'
import type { Plan, Service } from './service.ts'

export interface PipelineDeps {
  readonly clock: Clock
  readonly faults: FaultTable
  readonly journal: Journal
  readonly settings: Settings
  /** Aborts when the emulator closes. */
  readonly closing: AbortSignal
}

/** Takes one request from the socket to its answer: read, record, delay, work, spoil, write. */
export function createPipeline(
  deps: PipelineDeps,
  choose: (head: RequestHead) => Service | undefined,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const gone = new AbortController()
    response.once('close', () => gone.abort(new Error('the client is gone')))
    const signal = AbortSignal.any([gone.signal, deps.closing])
    serve({ deps, request, response, signal }, choose).catch((thrown: unknown) => {
      // What ends here is a connection that closed while its answer was on the way, or a defect.
      if (!signal.aborted) deps.journal.violate('emulator-defect', errorText(thrown))
      response.destroy()
    })
  }
}

interface Arrived {
  readonly deps: PipelineDeps
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly signal: AbortSignal
}

/** A request whose service has decided what to do. */
interface Serving extends Arrived {
  readonly service: Service
  readonly plan: Plan
  readonly record: RequestRecord
}

async function serve(arrived: Arrived, choose: (head: RequestHead) => Service | undefined): Promise<void> {
  const { deps, request, signal } = arrived
  const head = readHead(request)
  const service = choose(head)
  if (service === undefined) {
    deps.journal.count('unknown-host')
    return answerPlainly(arrived, unknownHost(head))
  }
  let body: Buffer
  try {
    body = await readBody(request, service.bodyLimit)
  } catch (thrown) {
    if (!(thrown instanceof BodyTooLarge)) throw thrown
    return answerPlainly(arrived, service.problem(413, thrown.message))
  }
  const exchange = exchangeOf(request, head, body, signal)
  const plan = service.plan(exchange)
  const record = deps.journal.begin(exchange, service.name, plan)
  const serving: Serving = { ...arrived, service, plan, record }
  const spoilt = deps.faults.draw(record)
  if (spoilt.names.length > 0) record.fault = spoilt.names.join(',')
  if (spoilt.delayMs > 0) await sleep(deps.clock, spoilt.delayMs, signal)
  if (spoilt.spoiling === undefined) await write(serving, await work(serving))
  else await spoil(serving, spoilt.spoiling)
}

/** An answer that no service decided, and that is not recorded. */
function answerPlainly({ deps, response, signal }: Arrived, reply: Reply): Promise<void> {
  const headers = { ...reply.headers, connection: 'close' }
  return writeReply(response, { ...reply, headers }, { clock: deps.clock, signal, nowMs: deps.clock.now() })
}

async function spoil(serving: Serving, spoiling: Spoiling): Promise<void> {
  switch (spoiling.kind) {
    case 'hang':
      return
    case 'reset': {
      const reply = spoiling.when === 'before' ? undefined : await work(serving)
      if (spoiling.when === 'mid-body' && reply !== undefined) await write(serving, reply, { cut: true })
      else cutOff(serving.request.socket)
      serving.record.status = 0
      return
    }
    case 'slow-body':
      await write(serving, await work(serving), { slow: spoiling })
      return
    case 'garbage':
    case 'error': {
      if (spoiling.work === 'done') await work(serving)
      const own = spoiling.kind === 'garbage' ? garbageReply(spoiling) : errorReply(serving.service, spoiling)
      await write(serving, own)
      return
    }
  }
}

function errorReply(service: Service, fault: Extract<Spoiling, { kind: 'error' }>): Reply {
  const own = service.problem(fault.status, 'put in by a fault rule')
  return {
    status: fault.status,
    headers: {
      ...own.headers,
      ...(typeof fault.body === 'string' ? { 'content-type': 'text/plain' } : {}),
      ...(fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter }),
      ...fault.headers,
    },
    body: fault.body ?? own.body,
  }
}

async function work({ service, plan, signal, deps }: Serving): Promise<Reply> {
  try {
    return await plan.run()
  } catch (thrown) {
    if (thrown instanceof Refused) return thrown.reply
    if (signal.aborted) throw thrown
    deps.journal.violate('emulator-defect', `${plan.route}: ${errorText(thrown)}`)
    return service.problem(500, errorText(thrown))
  }
}

async function write(
  serving: Serving,
  reply: Reply,
  how: { cut?: boolean; slow?: { chunkBytes: number; everyMs: number } } = {},
): Promise<void> {
  const { deps, service, record, response, signal } = serving
  const skew = deps.settings.clockSkewMs[service.name] ?? 0
  const nowMs = deps.clock.now() + skew
  const full = { ...reply, headers: { ...service.headers(), ...reply.headers } }
  record.status = reply.status
  await writeReply(response, full, { clock: deps.clock, signal, nowMs, ...how })
  record.finishedMs = deps.clock.now()
}

function unknownHost(head: RequestHead): Reply {
  return {
    status: 421,
    body: { error: { code: 'MisdirectedRequest', message: `no emulated service answers as '${head.host}'` } },
  }
}

/** A reset where the kernel can send one; a TLS socket is only cut, which clients see as a connection lost. */
function cutOff(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}
