import * as v from 'valibot'
import type { Clock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import { ArmError, faultOf, LOGIN_FAILED } from './arm.ts'
import { parseRetryAfter } from './retry-after.ts'

/** Longest pause that ARM's `Retry-After` may ask for, seconds. */
export const MAX_RETRY_AFTER = 3_600

/** The parts of the SDK's RestError that are read; its class differs between copies of the library. */
const restError = v.object({
  statusCode: v.optional(v.number(), 0),
  code: v.optional(v.string(), ''),
  message: v.string(),
  response: v.optional(
    v.object({
      headers: v.optional(
        v.custom<{ get(name: string): string | undefined }>(
          (it) => it !== null && typeof it === 'object' && 'get' in it,
        ),
      ),
    }),
  ),
})

/** Azure's poller throws a plain Error with code and message of the operation in its text. */
const FAILED_OPERATION = /^The long-running operation has failed\.?\s*(\w+)?\.?\s*(.*)$/s

/** What `@azure/identity` throws, by name: its classes differ between copies of the library. */
const LOGIN_ERRORS: ReadonlySet<string> = new Set([
  'AuthenticationError',
  'AggregateAuthenticationError',
  'AuthenticationRequiredError',
  'CredentialUnavailableError',
])

type RestErrorLike = v.InferOutput<typeof restError>

/** Whatever the SDK threw, as an ArmError; one that is one already stays. */
export function armErrorOf(thrown: unknown, clock: Clock): ArmError {
  if (thrown instanceof ArmError) return thrown
  // The pipeline may wrap what a policy threw.
  if (thrown instanceof Error && thrown.cause instanceof ArmError) return thrown.cause
  // Has a status too, but Entra's: nothing was asked of ARM.
  if (thrown instanceof Error && LOGIN_ERRORS.has(thrown.name)) {
    return new ArmError('unavailable', thrown.message, { code: LOGIN_FAILED, cause: thrown })
  }
  const read = v.safeParse(restError, thrown)
  if (!read.success) return new ArmError('unavailable', errorText(thrown), { cause: thrown })
  return read.output.statusCode === 0
    ? withoutAnswer(thrown, read.output)
    : withAnswer(thrown, read.output, clock)
}

function withAnswer(
  cause: unknown,
  { statusCode: status, code, message, response }: RestErrorLike,
  clock: Clock,
): ArmError {
  const seconds = parseRetryAfter(response?.headers?.get('retry-after'), clock.now(), MAX_RETRY_AFTER)
  const retryAfterMs = seconds === undefined ? undefined : seconds * 1_000
  return new ArmError(faultOf(status, code), message, { status, code, retryAfterMs, cause })
}

/** No answer at all, or an operation that was accepted and failed later. */
function withoutAnswer(cause: unknown, { code, message }: RestErrorLike): ArmError {
  const failed = FAILED_OPERATION.exec(message)
  if (failed === null) return new ArmError('unavailable', errorText(cause), { code, cause })
  const [, operationCode = '', operationMessage = ''] = failed
  return new ArmError(operationFault(operationCode), operationMessage, { code: operationCode, cause })
}

/** An accepted operation that ended badly has no status of its own; its code tells as much. */
function operationFault(code: string): ArmError['fault'] {
  if (/preempted|conflict|anotheroperation/i.test(code)) return 'conflict'
  if (/toomanyrequests|throttl/i.test(code)) return 'throttled'
  return faultOf(/internal|timeout|transient|unavailable/i.test(code) ? 500 : 400, code)
}
