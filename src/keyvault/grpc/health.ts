import type { HealthCheckResponse } from './generated/health.ts'

/** ServingStatus of grpc.health.v1. */
export const SERVING = 1
const NOT_SERVING = 2

/** One state for all services, as the old provider had it. */
export function healthAnswer(serving: boolean): HealthCheckResponse {
  return { status: serving ? SERVING : NOT_SERVING }
}
