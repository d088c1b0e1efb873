import { test } from 'node:test'
import { type KubeSubject, openCaseWorld } from './case-world.ts'
import { SERVER_CASES } from './server-cases.ts'

/** Registers every case as a test against one running server; each cleans up behind itself. */
export function testServer(subject: KubeSubject): void {
  for (const { name, run } of SERVER_CASES) {
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
