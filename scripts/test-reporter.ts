import type { TestEvent } from 'node:test/reporters'

/**
 * Prints each failing test with its error, and closes with a line of its own, `N passed, N failed`
 * (`, N skipped` when there are any). A file that ran no test counts as failed.
 */
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const count = { passed: 0, failed: 0, skipped: 0 }
  for await (const event of source) {
    if (event.type === 'test:fail') {
      if (event.data.details.type !== 'suite') count.failed += 1
      yield failure(event.data.name, event.data.file, event.data.line, event.data.details.error)
    }
    if (event.type === 'test:pass' && event.data.details.type !== 'suite') {
      if (event.data.skip === undefined || event.data.skip === false) count.passed += 1
      else {
        count.skipped += 1
        yield `skipped: ${event.data.name} (${String(event.data.skip)})\n`
      }
    }
    if (event.type === 'test:coverage') yield coverageText(event.data.summary.totals)
    if (event.type === 'test:stdout' || event.type === 'test:stderr') yield event.data.message
  }
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
  yield `\n${count.passed} passed, ${count.failed} failed${skipped}\n`
}

interface Totals {
  readonly coveredLinePercent: number
  readonly coveredBranchPercent: number
  readonly coveredFunctionPercent: number
}

function coverageText(totals: Totals): string {
  const {
    coveredLinePercent: lines,
    coveredBranchPercent: branches,
    coveredFunctionPercent: functions,
  } = totals
  return `\ncoverage of src/: ${lines.toFixed(1)} % of lines, ${branches.toFixed(1)} % of branches, ${functions.toFixed(1)} % of functions\n`
}

function failure(name: string, file: string | undefined, line: number | undefined, error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  return `\nFAILED ${name}\n  ${file ?? ''}:${line ?? ''}\n${text.replaceAll(/^/gm, '  ')}\n`
}
