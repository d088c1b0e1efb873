import type { ServerResponse } from 'node:http'
import type { Clock } from '../../../src/base/clock.ts'
import { ApiError, expired } from '../api-error.ts'
import type { FaultAction } from '../faults/fault.ts'
import type { Answer } from './call.ts'

const REASONS: Readonly<Record<number, readonly [string, string]>> = {
  401: ['Unauthorized', 'Unauthorized'],
  403: ['Forbidden', 'forbidden: the fault plan says so'],
  409: ['Conflict', 'Operation cannot be fulfilled: the fault plan says so'],
  429: ['TooManyRequests', 'Too many requests, please try again later.'],
  500: ['InternalError', 'Internal error occurred: the fault plan says so'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', 'Timeout: request did not complete within the allotted timeout'],
}

/**
 * Carries out the part of a fault that comes before the work.
 * @returns an answer in place of the work; undefined when the work is to be done.
 * @throws ApiError for faults that are errors of the API.
 */
export async function faultBefore(
  fault: FaultAction | undefined,
  response: ServerResponse,
  clock: Clock,
): Promise<Answer | undefined> {
  if (fault === undefined) return undefined
  const error = errorOf(fault, isWatch(response))
  if (error !== undefined) throw error
  if (fault.kind === 'stall') await stall(fault.ms, response, clock)
  if (fault.kind === 'reset') response.destroy()
  if (fault.kind !== 'garbage') return undefined
  return { code: 200, body: fault.body, contentType: fault.contentType ?? 'text/html' }
}

function errorOf(fault: FaultAction, watch: boolean): ApiError | undefined {
  if (fault.kind === 'status') return statusError(fault.code, fault.retryAfterSeconds)
  // A watch is told in its stream.
  if (fault.kind !== 'expired' || watch) return undefined
  return expired('The resourceVersion for the provided list is too old.')
}

function statusError(code: number, retryAfterSeconds: number | undefined): ApiError {
  const [reason, message] = REASONS[code] ?? ['InternalError', 'the fault plan says so']
  return new ApiError(code, reason, message, retryAfterSeconds === undefined ? {} : { retryAfterSeconds })
}

function isWatch(response: ServerResponse): boolean {
  return /[?&]watch=(?:true|1)(?:&|$)/.test(response.req.url ?? '')
}

/** Waits for the time, or until the client gives up. */
async function stall(ms: number | undefined, response: ServerResponse, clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  response.once('close', () => resolve(undefined))
  const timer = ms === undefined ? undefined : clock.after(ms, () => resolve(undefined))
  await promise
  timer?.cancel()
}
