/** What every API server has to do, asked of the emulator. */
import { test } from 'node:test'
import { startTestKube } from '../harness/kube-emulator.ts'
import { KUBE_CASES } from '../kube-cases/all-cases.ts'
import { openCaseWorld } from '../kube-cases/case-world.ts'

for (const { name, run } of KUBE_CASES) {
  test(name, async (t) => {
    const kube = await startTestKube(t)
    const subject = {
      ...kube,
      compact: async () => kube.faults.compact(),
      expireWatches: (resource: string) => void kube.faults.expireWatches({ resource }),
    }
    await run(await openCaseWorld(t, subject), t)
  })
}
