import { type ServiceError, status } from '@grpc/grpc-js'

/** A mount that the driver reports as failed: its message, and the `error_type` of its metric. */
export class MountRefused extends Error {
  override readonly name = 'MountRefused'
  readonly errorType: string

  constructor(errorType: string, message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.errorType = errorType
  }
}

/** `FailedPrecondition` for FAILED_PRECONDITION: how the driver's language spells gRPC codes. */
function codeName(code: number): string {
  const name = status[code] ?? 'UNKNOWN'
  if (name === 'CANCELLED') return 'Canceled'
  return name
    .split('_')
    .map((word) => `${word.charAt(0)}${word.slice(1).toLowerCase()}`)
    .join('')
}

/** An error of the call, as the driver passes it on. */
export function callRefused(error: ServiceError): MountRefused {
  const details = error.details.replace(
    /^Received message larger than max \((\d+) vs\.? (\d+)\)$/,
    'grpc: received message larger than max ($1 vs. $2)',
  )
  return new MountRefused(
    'GRPCProviderError',
    `rpc error: code = ${codeName(error.code)} desc = ${details}`,
    {
      cause: error,
    },
  )
}
