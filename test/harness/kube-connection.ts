import { Agent } from 'node:https'
import type { KubeEmulator } from '../../emulator/kube/kube-emulator.ts'
import type { KubeConnection } from '../../src/kube/connection.ts'

/** A connection to the emulated API server with a bearer token; the administrator's unless told. */
export function adminConnection(
  kube: Pick<KubeEmulator, 'url' | 'caPem' | 'adminToken'>,
  token = kube.adminToken,
): KubeConnection {
  const agent = new Agent({ keepAlive: true, ca: kube.caPem })
  return {
    server: kube.url,
    requestOptions: () => Promise.resolve({ agent, headers: { authorization: `Bearer ${token}` } }),
    close: () => agent.destroy(),
  }
}
