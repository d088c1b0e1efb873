import type { Shape } from './cluster/node-config.ts'
import type { Place } from './place.ts'
import type { World } from './world.ts'

/** One story on a real cluster. */
export interface Scenario {
  /** Words with hyphens: how it is chosen on the command line. */
  readonly name: string
  /** What it shows when it passes: a full sentence. */
  readonly proves: string
  /** Networks on which it runs: `routed` unless told. */
  readonly shapes?: readonly Shape[]
  /** Part of the short set that CI runs. */
  readonly smoke?: boolean
  /** It disturbs the whole cluster, so that nothing else runs beside it. */
  readonly alone?: boolean
  /** It installs podid itself, or leaves the cluster in pieces: it gets one of its own. */
  readonly ownCluster?: boolean
  /** It needs the Secrets Store CSI driver and podid's Key Vault provider: it runs on a cluster that has both. */
  readonly keyVault?: boolean
  /** Longest time, seconds; 240 unless told. */
  readonly deadlineSeconds?: number
  /** @throws AssertionError or another error when it fails */
  run(place: Place, world: World): Promise<void>
}
