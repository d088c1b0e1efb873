/** etcd, API server and controllers without nodes, on an address of the loopback device, for tests that break them. */
import { join } from 'node:path'
import { runProcess } from '../../emulator/node/process.ts'
import type { Clock } from '../../src/base/clock.ts'
import { Owner } from '../../src/base/lifecycle.ts'
import type { BreakableServer } from '../kube-cases/breakable-server.ts'
import { clusterAddresses } from './cluster/addresses.ts'
import { kubernetesBinaries } from './cluster/binaries.ts'
import { claimCluster, removeCluster } from './cluster/claim.ts'
import { startControlPlane } from './cluster/control-plane.ts'
import { createCredentials } from './cluster/credentials.ts'
import { startJanitor } from './cluster/janitor.ts'

export interface LoneKubeServer extends BreakableServer {
  close(): Promise<void>
}

/** @throws Error; nothing is left then. */
export async function startKubeServer(clock: Clock, say: (line: string) => void): Promise<LoneKubeServer> {
  const binaries = await kubernetesBinaries(clock, say)
  const claim = await claimCluster(clock)
  const owner = new Owner()
  const janitor = startJanitor(claim.index)
  owner.own(() => janitor.dismiss())
  owner.own(() => removeCluster(claim, clock))
  try {
    const addresses = { ...clusterAddresses(claim.index), machine: `127.83.${claim.index}.1` }
    const credentials = await createCredentials(claim.folder, addresses, [])
    const plane = await startControlPlane({
      ...claim,
      clock,
      binaries,
      addresses,
      credentials,
      // The cases place pods on a node that is not there: within a minute or two it would delete them.
      withoutController: 'pod-garbage-collector-controller',
    })
    owner.own(() => plane.stop())
    const kept = join(claim.folder, 'kept.db')
    return {
      url: plane.url,
      caPem: credentials.caPem,
      adminToken: credentials.adminToken,
      kill: () => plane.apiServer.kill(),
      async start() {
        await plane.apiServer.start()
        await plane.ready()
      },
      snapshot: () => plane.snapshot(kept),
      restore: () => plane.restore(kept),
      compact: () => compact(addresses.machine, clock),
      close: () => owner.close(),
    }
  } catch (thrown) {
    await owner.close()
    throw thrown
  }
}

async function compact(machine: string, clock: Clock): Promise<void> {
  const etcdctl = (...args: readonly string[]) =>
    runProcess(['etcdctl', `--endpoints=http://${machine}:2379`, ...args], clock, {
      env: { ETCDCTL_API: '3' },
      deadlineMs: 30_000,
    })
  const { stdout } = await etcdctl('get', 'nothing', '--write-out=json')
  const { header } = JSON.parse(stdout) as { header: { revision: number } }
  await etcdctl('compact', String(header.revision))
}
