import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CaseOutcome } from './client-suite.ts'
import { pageWith } from './sdk-table.ts'

const MARKS = '<!-- made by the run of test/e2e/clients: begin -->\nold\n<!-- end -->'

function outcome(fields: Partial<CaseOutcome>): CaseOutcome {
  return {
    client: 'go',
    case: 'none',
    column: 'refresh',
    versions: { azidentity: '1.15.0' },
    longestMs: 1,
    problems: [],
    ...fields,
  }
}

test('the table takes the place between the marks: what passed, what failed, what does not apply', () => {
  const page = pageWith(`before\n${MARKS}\nafter`, [
    outcome({}),
    outcome({ client: 'java', case: 'late', problems: ['no token'], versions: {} }),
  ])
  assert.match(page, /^before\n/)
  assert.match(page, /\nafter$/)
  assert.doesNotMatch(page, /old/)
  assert.match(page, /\| Go \| azidentity 1\.15\.0 \|/)
  assert.match(page, /\| refresh \| – \| – \| passed \| \*\*failed\*\*: late \| – \| – \|/)
})

test('a page without its marks is refused', () => {
  assert.throws(() => pageWith('before', []), /lost the marks/)
})
