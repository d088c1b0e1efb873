/** The cluster with podid on it, as scenarios see it. */
import type { AzureEmulator } from '../../emulator/azure/emulator.ts'
import type { Compute } from '../../emulator/azure/state/compute.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { Kubectl } from '../harness/kubectl.ts'
import type { ApiReads } from './cluster/api-reads.ts'
import type { Cluster } from './cluster/cluster.ts'
import { resourceIdOf } from './cluster/cluster-azure.ts'
import { Release } from './release.ts'

export interface World {
  readonly cluster: Cluster
  readonly azure: AzureEmulator
  readonly kubectl: Kubectl
  readonly reads: ApiReads
  /** podid as Helm installed it. */
  readonly podid: Release
  readonly clock: Clock
  say(line: string): void
  /** What Azure knows about a scale set or VM, now. */
  compute(resource: string): Compute
  /** Lower-case ids of the user-assigned identities of a scale set or VM. */
  identitiesOn(resource: string): string[]
}

export function createWorld(cluster: Cluster, say: (line: string) => void): World {
  const compute = (resource: string): Compute => {
    const machine = cluster.machines.find((each) => each.resource === resource)
    if (machine === undefined) throw new Error(`the cluster has no machine ${resource}`)
    const found = cluster.azure.state.computes.get(resourceIdOf(machine).toLowerCase())
    if (found === undefined) throw new Error(`Azure has no machine ${resource}`)
    return found
  }
  return {
    cluster,
    azure: cluster.azure,
    kubectl: cluster.kubectl,
    reads: cluster.reads,
    podid: new Release(cluster),
    clock: systemClock,
    say,
    compute,
    identitiesOn: (resource) => [...compute(resource).identity.user.keys()],
  }
}
