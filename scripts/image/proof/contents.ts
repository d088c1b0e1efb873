import * as v from 'valibot'
import type { CellPlace } from './cell.ts'
import { runInCell } from './cell.ts'

/** What the image is allowed to run. Anything else that can be executed is a finding. */
const PROGRAMS = new Set(['conntrack', 'node', 'podid', 'xtables-legacy-multi', 'xtables-nft-multi'])

/**
 * Runs in the image, by its Node: lists files that can be executed, that change the user or that anybody may
 * write to, and asks the loader which libraries of each ELF file are missing.
 */
const SURVEY = `
const { closeSync, openSync, readdirSync, readSync, statSync } = require('node:fs')
const { spawnSync } = require('node:child_process')
const apart = new Set(['/proc', '/sys', '/dev', '/tmp'])
const loader = process.arch === 'x64' ? '/lib64/ld-linux-x86-64.so.2' : '/lib/ld-linux-aarch64.so.1'
const found = { executable: [], special: [], unresolved: [], libraries: 0 }
function begins(file) {
  const open = openSync(file)
  const head = Buffer.alloc(4)
  readSync(open, head, 0, 4, 0)
  closeSync(open)
  return head.toString('latin1')
}
function look(folder) {
  for (const entry of readdirSync(folder === '' ? '/' : folder, { withFileTypes: true })) {
    const path = folder + '/' + entry.name
    if (apart.has(path)) continue
    if (entry.isDirectory()) look(path)
    else if (entry.isFile()) judge(path)
  }
}
function judge(path) {
  const { mode } = statSync(path)
  if ((mode & 0o6002) !== 0) found.special.push(path)
  if (begins(path) === '\\x7fELF') {
    found.libraries += 1
    const { stdout } = spawnSync(loader, ['--list', path], { encoding: 'utf8' })
    if (/not found/.test(stdout)) found.unresolved.push(path)
  }
  if ((mode & 0o111) !== 0 && !/\\.so(\\.|$)/.test(path)) found.executable.push(path)
}
look('')
console.log(JSON.stringify(found))
`

const survey = v.object({
  executable: v.array(v.string()),
  special: v.array(v.string()),
  unresolved: v.array(v.string()),
  libraries: v.number(),
})

/** @throws Error with what does not belong into the image. Returns what was looked at, in words. */
export async function surveyContents(place: CellPlace): Promise<string> {
  const text = await runInCell(place, 'survey', ['/usr/bin/node', '-e', SURVEY], {
    userId: 0,
    capabilities: [],
  })
  const { executable, special, unresolved, libraries } = v.parse(survey, JSON.parse(text))
  const names = executable.map((path) => path.slice(path.lastIndexOf('/') + 1))
  const strange = executable.filter((_, at) => !PROGRAMS.has(names[at] ?? ''))
  if (strange.length > 0) throw new Error(`programs that nobody asked for: ${strange.join(', ')}`)
  const missing = [...PROGRAMS].filter((name) => !names.includes(name))
  if (missing.length > 0) throw new Error(`not in the image: ${missing.join(', ')}`)
  if (special.length > 0) throw new Error(`set-user-id, or writable by anybody: ${special.join(', ')}`)
  if (unresolved.length > 0) throw new Error(`libraries are missing for ${unresolved.join(', ')}`)
  return `${names.length} programs, none of them a shell; ${libraries} ELF files find their libraries`
}

const RULES =
  '*nat\\n:PODID-PROOF - [0:0]\\n-A PODID-PROOF -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 2579\\nCOMMIT\\n'

/** Runs in the image: writes a rule by each back end and family, and reads it back. */
const REDIRECT = `
const { spawnSync } = require('node:child_process')
const run = (program, args, input) => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { input, encoding: 'utf8' })
  if (error) throw error
  return { status, stdout, stderr }
}
for (const kind of ['nft', 'legacy']) {
  for (const family of ['iptables', 'ip6tables']) {
    const written = run(family + '-' + kind + '-restore', ['--noflush', '--wait=5'], '${RULES}')
    if (written.status !== 0) throw new Error(family + '-' + kind + ': ' + written.stderr)
    const { stdout } = run(family + '-' + kind + '-save', [])
    if (!/PODID-PROOF .*REDIRECT --to-ports 2579/.test(stdout)) throw new Error(family + '-' + kind + ' lost the rule')
  }
}
const cut = run('conntrack', ['-D', '-p', 'tcp', '-d', '169.254.169.254', '--dport', '80'])
if (!/flow entries have been deleted/.test(cut.stderr)) throw new Error('conntrack: ' + cut.stderr)
`

/** @throws Error when one of the programs of the redirect does not work with the node agent's capabilities. */
export async function tryRedirect(place: CellPlace): Promise<string> {
  await runInCell(place, 'redirect', ['/usr/bin/node', '-e', REDIRECT], {
    userId: 0,
    capabilities: ['CAP_NET_ADMIN', 'CAP_NET_RAW'],
    writableRun: true,
  })
  return 'a rule is written and read by nft and legacy, IPv4 and IPv6; conntrack answers'
}
