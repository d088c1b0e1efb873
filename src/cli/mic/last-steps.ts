import { errorText, OperatorError } from '../../base/errors.ts'
import { isApiStatus } from '../../kube/connection.ts'
import type { StoredLock } from '../../kube/object-lock.ts'
import { objectPath } from '../../kube/resource-spec.ts'
import type { Rest } from '../../kube/rest.ts'
import type { Log } from '../../telemetry/log.ts'

/** What an uninstall needs around the drain itself. */

const DEPLOYMENTS = { path: '/apis/apps/v1/deployments' }

/**
 * Scales the Deployment `namespace/name` to 0, so that its MIC gives the lead up and does not undo the drain.
 * One that does not exist is no obstacle. @throws OperatorError for another text; what Rest throws.
 */
export async function stopDeployment(
  { rest, log }: { readonly rest: Rest; readonly log: Log },
  deployment: string,
  signal: AbortSignal,
): Promise<void> {
  const [namespace, name, more] = deployment.split('/')
  if (!namespace || !name || more !== undefined)
    throw new OperatorError('--drain-stops must be namespace/name of a Deployment')
  try {
    await rest.send('PATCH', `${objectPath(DEPLOYMENTS, namespace, name)}/scale`, {
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas: 0 } },
      signal,
    })
    log.info({ deployment }, 'MIC is told to stop')
  } catch (thrown) {
    if (!isApiStatus(thrown, 404)) throw thrown
    log.info({ deployment }, 'there is no MIC to stop')
  }
}

/** Deletes the locks, unless somebody holds them. What is refused stays and does no harm. */
export async function removeLocks(
  locks: readonly StoredLock[],
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  for (const lock of locks) {
    try {
      const gone = await lock.removeFree(signal)
      log.info({ lock: lock.name, gone }, gone ? 'the lock is removed' : 'somebody holds the lock: it stays')
    } catch (thrown) {
      signal.throwIfAborted()
      log.warn({ lock: lock.name, error: errorText(thrown) }, 'the lock could not be removed')
    }
  }
}
