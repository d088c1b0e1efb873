import type { IncomingMessage, ServerResponse } from 'node:http'
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

interface Serving {
  readonly deps: PipelineDeps
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly signal: AbortSignal
}

async function serve(serving: Serving, choose: (head: RequestHead) => Service | undefined): Promise<void> {
  const { deps, request, response, signal } = serving
  const head = readHead(request)
  const service = choose(head)
  if (service === undefined) {
    deps.journal.count('unknown-host')
    await writeReply(response, unknownHost(head), { clock: deps.clock, signal, nowMs: deps.clock.now() })
    return
  }
  let body: Buffer
  try {
    body = await readBody(request, service.bodyLimit)
  } catch (thrown) {
    if (!(thrown instanceof BodyTooLarge)) throw thrown
    await write(serving, service, service.problem(413, thrown.message))
    return
  }
  const exchange = exchangeOf(request, head, body, signal)
  const plan = service.plan(exchange)
  const record = deps.journal.begin(exchange, service.name, plan)
  const spoilt = deps.faults.draw({ ...record, service: service.name })
  if (spoilt.names.length > 0) record.fault = spoilt.names.join(',')
  if (spoilt.delayMs > 0) await sleep(deps.clock, spoilt.delayMs, signal)
  if (spoilt.spoiling === undefined) await write(serving, service, await work(serving, service, plan), record)
  else await spoil(serving, service, plan, spoilt.spoiling, record)
}

// oxlint-disable-next-line max-params -- one request's parts, used together once
async function spoil(
  serving: Serving,
  service: Service,
  plan: Plan,
  spoiling: Spoiling,
  record: RequestRecord,
): Promise<void> {
  switch (spoiling.kind) {
    case 'hang':
      return
    case 'reset': {
      record.status = 0
      const reply = spoiling.when === 'before' ? undefined : await work(serving, service, plan)
      if (spoiling.when === 'mid-body' && reply !== undefined)
        await write(serving, service, reply, undefined, { cut: true })
      else serving.request.socket.resetAndDestroy()
      return
    }
    case 'slow-body':
      await write(serving, service, await work(serving, service, plan), record, { slow: spoiling })
      return
    case 'garbage':
    case 'error': {
      if (spoiling.work === 'done') await work(serving, service, plan)
      const reply = spoiling.kind === 'garbage' ? garbageReply(spoiling) : errorReply(service, spoiling)
      await write(serving, service, reply, record)
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

async function work(serving: Serving, service: Service, plan: Plan): Promise<Reply> {
  try {
    return await plan.run()
  } catch (thrown) {
    if (thrown instanceof Refused) return thrown.reply
    if (serving.signal.aborted) throw thrown
    serving.deps.journal.violate('emulator-defect', `${plan.route}: ${errorText(thrown)}`)
    return service.problem(500, errorText(thrown))
  }
}

// oxlint-disable-next-line max-params -- the last two are rare
async function write(
  serving: Serving,
  service: Service,
  reply: Reply,
  record?: RequestRecord,
  how: { cut?: boolean; slow?: { chunkBytes: number; everyMs: number } } = {},
): Promise<void> {
  if (record !== undefined) record.status = reply.status
  const { clock, settings } = serving.deps
  const skew = settings.clockSkewMs[service.name] ?? 0
  const full = { ...reply, headers: { ...service.headers(), ...reply.headers } }
  await writeReply(serving.response, full, {
    clock,
    signal: serving.signal,
    nowMs: clock.now() + skew,
    ...how,
  })
}

function unknownHost(head: RequestHead): Reply {
  return {
    status: 421,
    body: { error: { code: 'MisdirectedRequest', message: `no emulated service answers as '${head.host}'` } },
  }
}
