import { OperatorError } from '../base/errors.ts'
import type { KubeConnection } from '../kube/connection.ts'
import { inClusterConnection } from '../kube/in-cluster.ts'
import type { Environment } from './flag-command.ts'

/**
 * The API server: the kubeconfig when one is named, else the service account of the pod. The library
 * behind kubeconfigs (75 MB of memory) is loaded only when there is one. `SERVICE_ACCOUNT_DIRECTORY` names
 * the folder of `token` and `ca.crt` where a projected volume puts them elsewhere than the kubelet does.
 * @throws OperatorError outside a cluster without a kubeconfig.
 */
export async function connect(kubeconfig: string, environment: Environment): Promise<KubeConnection> {
  if (kubeconfig !== '') return (await import('../kube/kubeconfig.ts')).kubeconfigConnection(kubeconfig)
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? ''
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? ''
  if (host === '' || port === '') {
    throw new OperatorError(
      'no API server: not in a cluster (KUBERNETES_SERVICE_HOST is not set), and --kubeconfig names no file',
    )
  }
  const directory = environment['SERVICE_ACCOUNT_DIRECTORY'] ?? ''
  return inClusterConnection({ host, port, ...(directory === '' ? {} : { directory }) })
}
