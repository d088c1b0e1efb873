import type { Client, ServiceError } from '@grpc/grpc-js'

type Answered<Answer> = (error: ServiceError | null, answer: Answer) => void

/**
 * One call of a client that is made for it and closed behind it.
 * @throws ServiceError; the signal's reason when it aborts
 */
export async function callOnce<Answer>(
  client: Client,
  begin: (answered: Answered<Answer>) => { cancel(): void },
  signal: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const call = begin((error, answer) => {
    if (error === null) resolve(answer)
    else reject(signal.aborted ? (signal.reason as Error) : error)
  })
  const onAbort = (): void => call.cancel()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    client.close()
  }
}

/** For calls on one's own machine: `:authority` as the CSI driver sends it, and no channel statistics. */
export const LOCAL_CLIENT = { 'grpc.default_authority': 'localhost', 'grpc.enable_channelz': 0 } as const
