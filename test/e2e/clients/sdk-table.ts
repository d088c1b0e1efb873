/** The part of docs/sdks.md that a run writes: what each client's version passed. */

import { CLIENTS, type ClientName, PROGRAMS } from './client-programs.ts'
import type { CaseOutcome } from './client-suite.ts'

const BEGIN = '<!-- made by the run of test/e2e/clients: begin -->'
const END = '<!-- end -->'

/** Puts the table between the marks of the page. @throws Error when they are not there. */
export function pageWith(page: string, outcomes: readonly CaseOutcome[]): string {
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin < 0 || end < begin) throw new Error('docs/sdks.md has lost the marks of its table')
  return `${page.slice(0, begin)}${BEGIN}\n${tables(outcomes)}\n${page.slice(end)}`
}

function tables(outcomes: readonly CaseOutcome[]): string {
  const columns = [...new Set(outcomes.map(({ column }) => column))]
  const head = ['', ...CLIENTS.map((client) => PROGRAMS[client].title)]
  const rows = columns.map((column) => [column, ...CLIENTS.map((client) => cell(outcomes, client, column))])
  const versions = CLIENTS.map((client) => [PROGRAMS[client].title, versionsOf(outcomes, client)])
  return `${table(['client', 'versions'], versions)}\n\n${table(head, rows)}`
}

function cell(outcomes: readonly CaseOutcome[], client: ClientName, column: string): string {
  const mine = outcomes.filter((each) => each.client === client && each.column === column)
  if (mine.length === 0) return '–'
  const failed = mine.filter(({ problems }) => problems.length > 0)
  return failed.length === 0 ? 'passed' : `**failed**: ${failed.map((each) => each.case).join(', ')}`
}

function versionsOf(outcomes: readonly CaseOutcome[], client: ClientName): string {
  const known = outcomes.find((each) => each.client === client && Object.keys(each.versions).length > 0)
  return Object.entries(known?.versions ?? {})
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
