import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Authenticator } from '../access/authenticator.ts'
import type { Authorizer } from '../access/authorizer.ts'
import type { TokenIssuer } from '../access/token-issuer.ts'
import type { User } from '../access/user.ts'
import { ApiError, badRequest, expired, internalError, notFound } from '../api-error.ts'
import type { AuditLog } from '../audit.ts'
import type { FaultAction } from '../faults/fault.ts'
import type { FaultPlan } from '../faults/fault-plan.ts'
import { acceptedForm } from '../read/media-type.ts'
import { includeObject } from '../read/table.ts'
import { startWatch } from '../read/watch.ts'
import { watchEncoder } from '../read/watch-encoder.ts'
import type { RequestInfo } from '../request-info.ts'
import { readRequest } from '../request-info.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import type { World } from '../world.ts'
import { authorize, requestUser } from './access-check.ts'
import type { Answer, Call } from './call.ts'
import { jsonAnswer, textAnswer } from './call.ts'
import { discoveryCall } from './discovery-calls.ts'
import { faultBefore } from './fault-answers.ts'
import type { OpenWatches } from './open-watches.ts'
import { readBody } from './request-body.ts'
import { placeOf, resourceCall } from './resource-calls.ts'
import { specialCall } from './special-calls.ts'

export interface ApiServerParts {
  readonly world: World
  readonly authenticator: Authenticator
  readonly authorizer: Authorizer
  readonly issuer: TokenIssuer
  readonly faults: FaultPlan
  readonly audit: AuditLog
  readonly watches: OpenWatches
  /** Known once the server listens. */
  url(): string
  readonly startedAt: string
  /** Told of what should not happen; the client gets a 500. */
  readonly onDefect: (thrown: unknown) => void
}

/** One request from its first byte to its last: who, may they, what, answer, audit. */
export class ApiServer {
  readonly #parts: ApiServerParts

  constructor(parts: ApiServerParts) {
    this.#parts = parts
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const info = readRequest(request.method ?? 'GET', request.url ?? '/')
    const warnings: string[] = []
    const progress: { user: User | undefined } = { user: undefined }
    try {
      if (info === undefined) throw badRequest('the request target cannot be read')
      const answer = await this.#answer({ request, response, info, warnings, progress })
      if (answer !== undefined) send(response, answer, warnings)
    } catch (thrown) {
      const error = thrown instanceof ApiError ? thrown : this.#defect(thrown)
      if (!response.headersSent) send(response, errorAnswer(error), warnings, retryAfter(error))
      else response.destroy()
    } finally {
      this.#record(request, response, info, progress.user)
      if (!request.complete) request.resume()
    }
  }

  async #answer(exchange: {
    request: IncomingMessage
    response: ServerResponse
    info: RequestInfo
    warnings: string[]
    progress: { user: User | undefined }
  }): Promise<Answer | undefined> {
    const { request, response, info, warnings, progress } = exchange
    const user = requestUser(request, this.#parts)
    progress.user = user
    const fault = this.#parts.faults.strike({ ...info, resource: info.plural, user: user.name })
    const early = await faultBefore(fault, response, this.#parts.world.clock)
    if (early !== undefined || response.destroyed) return early
    authorize(this.#parts.authorizer, user, info)
    const call: Call = {
      info,
      user,
      method: request.method ?? 'GET',
      contentType: (request.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '',
      accept: request.headers.accept,
      userAgent: request.headers['user-agent'] ?? '',
      body: await readBody(request),
      warnings,
    }
    if (info.isResource && info.verb === 'watch') return this.#watch(call, response, fault)
    const answer = this.#dispatch(call)
    if (fault?.kind === 'lost-answer') throw new ApiError(fault.code, 'Timeout', 'the answer was lost')
    return answer
  }

  #dispatch(call: Call): Answer {
    const { world, issuer, authorizer, authenticator, startedAt } = this.#parts
    const { info } = call
    if (!info.isResource) {
      const context = { registry: world.registry, issuer, url: this.#parts.url(), startedAt }
      return discoveryCall(call, context) ?? textAnswer(404, '404 page not found\n')
    }
    const context = { world, issuer, authorizer, authenticator, user: call.user, audience: issuer.issuer }
    const special = specialCall(call, context)
    if (special !== undefined) return special
    const definition = this.#definitionOf(info)
    if (definition !== undefined) {
      if (definition.deprecation !== undefined) call.warnings.push(definition.deprecation)
      return resourceCall(world, definition, call)
    }
    const parent = world.registry.find(info.group, info.version, info.plural)
    // One handler serves all paths of custom kinds, and knows what it has not got.
    if (parent?.custom === true) throw notFound(parent, info.name)
    return this.#unknown(info)
  }

  /** The router of a built-in group says more than the one above all groups. */
  #unknown(info: RequestInfo): Answer {
    const [first] = this.#parts.world.registry.resources(info.group, info.version)
    if (first !== undefined && !first.custom) {
      throw new ApiError(404, 'NotFound', 'the server could not find the requested resource', {})
    }
    return textAnswer(404, '404 page not found\n')
  }

  #definitionOf(info: RequestInfo): ResourceDefinition | undefined {
    const definition = this.#parts.world.registry.find(info.group, info.version, info.plural)
    if (definition === undefined || info.subresource === '') return definition
    return info.subresource === 'status' && definition.statusSubresource ? definition : undefined
  }

  #watch(call: Call, response: ServerResponse, fault: FaultAction | undefined): Answer | undefined {
    const { world, watches } = this.#parts
    const definition = this.#definitionOf(call.info)
    if (definition === undefined) return this.#unknown(call.info)
    const { form } = acceptedForm(call.accept, definition.custom, true)
    const { query } = call.info
    const encoder = watchEncoder(definition, form, { clock: world.clock, include: includeObject(query) })
    if (fault?.kind === 'expired') {
      const error = expired(
        `too old resource version: ${query.get('resourceVersion') ?? '0'} (${world.database.versions.current})`,
      )
      return { code: 200, body: encoder.error(error), contentType: 'application/json' }
    }
    const { namespace } = placeOf(definition, call)
    const delayMs = fault?.kind === 'delay-watch' ? fault.ms : 0
    watches.open({ definition, user: call.user.name, response }, delayMs, (sink) => {
      const watch = startWatch(world, definition, { namespace, query }, { encoder, sink })
      // Only now: impossible options are answered with an error instead.
      beginStream(response, definition.deprecation)
      return watch
    })
    return undefined
  }

  #defect(thrown: unknown): ApiError {
    this.#parts.onDefect(thrown)
    return internalError(thrown instanceof Error ? thrown.message : String(thrown))
  }

  #record(
    request: IncomingMessage,
    response: ServerResponse,
    info: RequestInfo | undefined,
    user: User | undefined,
  ): void {
    const {
      path: _path,
      query: _query,
      isResource: _is,
      version: _version,
      plural,
      ...about
    } = info ?? NOTHING
    this.#parts.audit.add({
      ...about,
      resource: plural,
      at: this.#parts.world.clock.now(),
      method: request.method ?? '',
      target: request.url ?? '',
      user: user?.name ?? '',
      userAgent: request.headers['user-agent'] ?? '',
      code: response.statusCode,
    })
  }
}

const NOTHING: RequestInfo = {
  path: '',
  query: new URLSearchParams(),
  isResource: false,
  verb: '',
  group: '',
  version: '',
  plural: '',
  subresource: '',
  namespace: '',
  name: '',
}

const COMMON_HEADERS = { 'Cache-Control': 'no-cache, private' }

function beginStream(response: ServerResponse, warning: string | undefined): void {
  response.writeHead(200, {
    ...COMMON_HEADERS,
    'Audit-Id': randomUUID(),
    'Content-Type': 'application/json',
    ...(warning === undefined ? {} : { Warning: warningOf(warning) }),
  })
  response.flushHeaders()
}

function send(
  response: ServerResponse,
  answer: Answer,
  warnings: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(answer.body)
  response.writeHead(answer.code, {
    ...COMMON_HEADERS,
    ...headers,
    'Audit-Id': randomUUID(),
    'Content-Type': answer.contentType,
    'Content-Length': body.length,
    ...(warnings.length > 0 ? { Warning: warnings.map(warningOf) } : {}),
  })
  response.end(body)
}

function warningOf(text: string): string {
  return `299 - ${JSON.stringify(text)}`
}

function errorAnswer(error: ApiError): Answer {
  return jsonAnswer(error.code, error.status())
}

function retryAfter(error: ApiError): Readonly<Record<string, string>> {
  const seconds = error.details?.retryAfterSeconds
  return seconds === undefined ? {} : { 'Retry-After': String(seconds) }
}
