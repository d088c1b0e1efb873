import { credentials } from '@grpc/grpc-js'
import type { Clock } from '../../base/clock.ts'
import { withDeadline } from '../../base/deadline.ts'
import { type HealthCheckResponse, HealthClient } from './generated/health.ts'
import { SERVING } from './health.ts'
import { callOnce, LOCAL_CLIENT } from './unary-call.ts'

/**
 * Asks the socket as the driver would, whether it is served: for `/healthz`. Another provider that has the socket
 * answers as well, so `ProviderServer.status` comes first.
 * @throws Error that says what was met; DeadlineError after `timeoutMs`
 */
export async function checkServed(
  target: string,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  const client = new HealthClient(target, credentials.createInsecure(), LOCAL_CLIENT)
  const answer = await withDeadline(
    { clock, ms: timeoutMs, what: 'the health check of the socket', parent: signal },
    (within) => callOnce<HealthCheckResponse>(client, (done) => client.check({ service: '' }, done), within),
  )
  if (answer.status !== SERVING) throw new Error('the socket answers that it is not serving')
}
