import { test } from 'node:test'
import { KUBE_CASES } from './all-cases.ts'
import { type KubeSubject, openCaseWorld } from './case-world.ts'

/** Registers every case as a test against one running server; each cleans up behind itself. */
export function testServer(subject: KubeSubject): void {
  for (const { name, run } of KUBE_CASES) {
    test(name, async (t) => {
      const world = await openCaseWorld(t, subject)
      try {
        await run(world, t)
      } finally {
        await world.close()
      }
    })
  }
}
