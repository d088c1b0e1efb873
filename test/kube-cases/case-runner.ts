import { systemClock } from '../../src/base/clock.ts'
import { withDeadline } from '../../src/base/deadline.ts'
import { errorText } from '../../src/base/errors.ts'
import type { BreakableServer } from './breakable-server.ts'
import { type CaseContext, openCaseWorld } from './case-world.ts'
import { LIFE_CASES } from './life-cases.ts'
import { SERVER_CASES } from './server-cases.ts'

/** Everything that a server is asked, one case after the other. @returns what failed, a line for each case. */
export async function runServerCases(server: BreakableServer): Promise<readonly string[]> {
  const failures: string[] = []
  const subject = { url: server.url, caPem: server.caPem, adminToken: server.adminToken }
  for (const { name, run } of SERVER_CASES) {
    await attempt(name, failures, async (context) => {
      const world = await openCaseWorld(context, subject)
      try {
        await run(world, context)
      } finally {
        await world.close()
      }
    })
  }
  return failures
}

/** Everything that a server goes through. */
export async function runLifeCases(server: BreakableServer): Promise<readonly string[]> {
  const failures: string[] = []
  for (const { name, run } of LIFE_CASES) {
    await attempt(name, failures, async (context) =>
      run(server, await openCaseWorld(context, server), context),
    )
  }
  return failures
}

/** Far more than any case needs: one that waits for what never comes is named, and the others go on. */
const CASE_MS = 180_000

async function attempt(
  name: string,
  failures: string[],
  work: (context: CaseContext) => Promise<void>,
): Promise<void> {
  const cleaning: (() => unknown)[] = []
  const context: CaseContext = { after: (clean) => void cleaning.push(clean), skip: () => undefined }
  try {
    await withDeadline({ clock: systemClock, ms: CASE_MS, what: 'the case' }, () => work(context))
  } catch (thrown) {
    failures.push(`${name}: ${errorText(thrown)}`)
  } finally {
    for (const clean of cleaning) await clean()
  }
}
