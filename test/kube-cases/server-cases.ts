import { KUBE_CASES } from './all-cases.ts'
import type { KubeCase } from './case-world.ts'
import { DIFFERENTIAL_CASES } from './differential-cases.ts'
import { SCRIPTS } from './transcripts/all-scripts.ts'
import { compareWithRecording } from './transcripts/recording.ts'

/**
 * Everything that a real API server is asked: what every server has to do, whether it still answers what was
 * recorded of it, and whether the emulator answers chance as it does.
 */
export const SERVER_CASES: readonly KubeCase[] = [
  ...KUBE_CASES,
  ...SCRIPTS.map((script) => ({
    name: `the server answers the script ${script.name} as it was recorded`,
    run: (world: Parameters<KubeCase['run']>[0]) => compareWithRecording(script, world),
  })),
  ...DIFFERENTIAL_CASES,
]
