import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type Answer,
  json,
  type ScriptedApi,
  startScriptedApi,
  status,
} from '../../test/fakes/scripted-api.ts'
import { systemClock } from '../base/clock.ts'
import { createRest } from '../kube/rest.ts'
import { silentLog } from '../telemetry/log.ts'
import { applyDefinitions, readDefinitions } from './crds.ts'

const CHART = 'charts/podid/crds'

async function folderWith(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'podid-crds-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'file.yaml'), text)
  return folder
}

async function applied(t: TestContext, minor: string, ...answers: Answer[]): Promise<ScriptedApi> {
  const api = await startScriptedApi(json(200, { major: '1', minor }), ...answers)
  t.after(() => api.close())
  const rest = createRest(api.connection(), systemClock)
  const definitions = await readDefinitions(CHART)
  await applyDefinitions({ rest, definitions, log: silentLog, signal: new AbortController().signal })
  return api
}

const fine = json(200, {})

test("the four definitions of the chart are applied under Helm's name, whoever wrote them before", async (t) => {
  const { asked } = await applied(t, '35', fine, fine, fine, fine)
  const writes = asked.slice(1)
  assert.deepEqual(
    writes.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`),
    ['azureassignedidentities', 'azureidentities', 'azureidentitybindings', 'azurepodidentityexceptions'].map(
      (plural) => `PATCH ${plural}.aadpodidentity.k8s.io`,
    ),
  )
  for (const { query, headers } of writes) {
    assert.equal(query.get('force'), 'true')
    assert.equal(query.get('fieldManager'), 'helm')
    assert.equal(headers['content-type'], 'application/apply-patch+yaml')
  }
  assert.match(writes.map(({ body }) => body).join('\n'), /x-kubernetes-validations/)
})

test('an API server that would hold the rules against old objects gets definitions without them', async (t) => {
  const { asked } = await applied(t, '29+', fine, fine, fine, fine)
  const bodies = asked
    .slice(1)
    .map(({ body }) => body)
    .join('\n')
  assert.doesNotMatch(bodies, /x-kubernetes-validations/)
  assert.match(bodies, /"resourceID"/)
})

test('a definition that the API server refuses ends the work with its answer', async (t) => {
  await assert.rejects(applied(t, '35', fine, status(403, 'Forbidden')), /Forbidden/)
})

test('a folder with anything but definitions of this group is refused before the first write', async (t) => {
  const foreign = (await readDefinitions(CHART))[0]
  const text = JSON.stringify(foreign).replaceAll('aadpodidentity.k8s.io', 'example.org')
  await assert.rejects(readDefinitions(await folderWith(t, text)), /file.yaml is no definition/)
  await assert.rejects(readDefinitions(await folderWith(t, 'kind: Secret')), /file.yaml is no definition/)
  await assert.rejects(readDefinitions(await folderWith(t, '')), /no definition/)
  await assert.rejects(readDefinitions(join(tmpdir(), 'podid-crds-missing')), /ENOENT/)
  await assert.rejects(readDefinitions(''), /--from/)
})
