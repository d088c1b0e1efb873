import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chartValues } from '../../scripts/documents/chart-page.ts'
import { CHART } from './chart.ts'

/** Values of the chart csi-secrets-store-provider-azure 1.8.2; `windows.*` are those of `linux` once more. */
const ROOT = `logFormatJSON logVerbosity enableArcExtension imagePullSecrets nameOverride fullnameOverride rbac.install
  rbac.pspEnabled constructPEMChain writeCertAndKeyInSeparateFiles metricsAddr secrets-store-csi-driver.* windows.*`
const LINUX = `image.repository image.tag image.pullPolicy nodeSelector tolerations enabled resources podLabels
  podAnnotations priorityClassName updateStrategy customUserAgent healthzPort healthzPath healthzTimeout volumes
  volumeMounts affinity kubeletRootDir providersDir privileged dnsPolicy`

const words = (text: string): string[] => text.split(/\s+/)

interface MappedValue {
  readonly old: readonly string[]
  readonly here: readonly string[]
}

/** Rows of the table of old values in docs/keyvault.md; whatever stands in backticks is a name. */
function mappedValues(): MappedValue[] {
  const page = readFileSync('docs/keyvault.md', 'utf8')
  const [, table = ''] = /\| value of the old chart \|[^\n]*\n\|[-| ]*\n((?:\|[^\n]*\n)+)/.exec(page) ?? []
  const names = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [old = '', here = ''] = line.split('|').slice(1)
      return { old: names(old), here: names(here) }
    })
}

test('every value of the old provider chart has its row in docs/keyvault.md, and what it became exists', () => {
  const rows = mappedValues()
  const old = [...words(ROOT), ...words(LINUX).map((each) => `linux.${each}`)]
  assert.deepEqual(rows.flatMap((row) => row.old).toSorted(), old.toSorted())
  const known = new Set(chartValues(readFileSync(join(CHART, 'values.yaml'), 'utf8')).map(({ path }) => path))
  for (const { here } of rows) {
    for (const each of here) assert.ok(known.has(each.split('=')[0] ?? ''), each)
  }
})
