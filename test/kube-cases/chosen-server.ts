import { systemClock } from '../../src/base/clock.ts'
import { startKubeServer } from '../e2e/kube-server.ts'
import type { KubeSubject } from './case-world.ts'
import { readServer } from './server-address.ts'

/**
 * The real API server of a kubeconfig, or else one of our own: etcd, kube-apiserver and controllers without
 * nodes, which need what the end-to-end cluster needs (docs/development.md) and are gone with `close`.
 */
export async function chooseServer(
  kubeconfig: string | undefined,
): Promise<{ readonly subject: KubeSubject; close(): Promise<void> }> {
  if (kubeconfig !== undefined) {
    return { subject: await readServer(kubeconfig), close: () => Promise.resolve() }
  }
  const server = await startKubeServer(systemClock, (line) => process.stderr.write(`${line}\n`))
  const { url, caPem, adminToken } = server
  return { subject: { url, caPem, adminToken }, close: () => server.close() }
}
