import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { findViolations, packagesLoadedBy } from '../../scripts/boundaries.ts'

test('the rooms of this repository look only down', () => {
  const found = findViolations(process.cwd())
  assert.deepEqual(found.violations, [])
  assert.ok(
    found.files > 50 && found.imports > 100,
    `only ${found.files} files and ${found.imports} imports were read`,
  )
})

/** file -> [source, the rule that must speak up]; the check is worth nothing if it cannot fail. */
const PLANTED: Readonly<Record<string, readonly [source: string, rule: RegExp]>> = {
  'src/model/up.ts': [`import { x } from '../nmi/server.ts'`, /model may not look up to nmi/],
  'src/nmi/peer.ts': [`import type { x } from '../mic/plan.ts'`, /nmi and mic are peers/],
  'src/base/package.ts': [`import { pino } from 'pino'`, /base imports only node:/],
  'src/model/package.ts': [`export { z } from 'valibot'`, /model is pure/],
  'src/nmi/emulated.ts': [
    `import { y } from '../../emulator/azure/start.ts'`,
    /only the demo may import emulator/,
  ],
  'src/nmi/lazy.ts': [`const y = await import('../cli/flags.ts')`, /nmi may not look up to cli/],
  'src/tokens/sdk.ts': [`import { A } from '@azure/identity'`, /loads no Azure SDK/],
  'src/nmi/client.ts': [`import { K } from '@kubernetes/client-node'`, /has one door/],
  'src/keyvault/messages.ts': [`import { Server } from '@grpc/grpc-js'`, /has one door/],
  'src/kube/gone.ts': [`import { z } from './gone-away.ts'`, /does not exist/],
  'src/stray/new.ts': [`import { q } from '../base/clock.ts'`, /stray is no room/],
  'emulator/azure/start.ts': [
    `import { s } from '../../src/azure/schema.ts'`,
    /emulator\/ imports src\/model/,
  ],
}

const INNOCENT = [
  'src/nmi/server.ts',
  'src/mic/plan.ts',
  'src/cli/flags.ts',
  'src/base/clock.ts',
  'src/azure/schema.ts',
]

test('the check speaks up about each planted violation, and about nothing else', () => {
  const root = mkdtempSync(join(tmpdir(), 'podid-boundaries-'))
  try {
    for (const file of INNOCENT) plant(root, file, 'export const x = 1\n')
    for (const [file, [source]] of Object.entries(PLANTED)) plant(root, file, `${source}\n`)
    const found = findViolations(root).violations
    assert.deepEqual(found.map((each) => each.file).sort(), Object.keys(PLANTED).sort())
    for (const each of found) assert.match(each.rule, PLANTED[each.file]?.[1] ?? /never/)
  } finally {
    rmSync(root, { recursive: true })
  }
})

function plant(root: string, file: string, source: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), source)
}

test('the node agent loads neither the Kubernetes client, nor an Azure SDK, nor the PKCS#12 library', () => {
  const agent = packagesLoadedBy(process.cwd(), 'src/cli/nmi.ts')
  for (const name of agent)
    assert.doesNotMatch(name, /^(@kubernetes|@azure|node-forge|yaml|@peculiar|@grpc|@bufbuild)/)
  assert.ok(agent.has('prom-client') && agent.has('valibot'), 'the agent loads what it is known to use')
  const controller = packagesLoadedBy(process.cwd(), 'src/cli/mic.ts')
  assert.ok(controller.has('@azure/arm-compute') && controller.has('@kubernetes/client-node'))
})
