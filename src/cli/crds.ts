import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { parseAllDocuments } from 'yaml'
import { systemClock } from '../base/clock.ts'
import { errorText, OperatorError } from '../base/errors.ts'
import { createRest, type Rest } from '../kube/rest.ts'
import { API_GROUP } from '../model/names.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { connect } from './connection.ts'
import { flagValues } from './flag-command.ts'
import type { Invocation } from './invocation.ts'
import { CRDS_FLAGS } from './tool-flags.ts'

/** `podid crds --from=<folder>`: the definitions in the cluster become those in the files of the folder. */
export async function runCrds({ command, environment, stop }: Invocation): Promise<number> {
  const flags = flagValues(command, CRDS_FLAGS, environment)
  const log = createLog({ component: 'crds', verbosity: 0, format: 'text' })
  const definitions = await readDefinitions(flags.from)
  const connection = await connect(flags.kubeconfig, environment)
  try {
    await applyDefinitions({ rest: createRest(connection, systemClock), definitions, log, signal: stop })
  } finally {
    connection.close()
  }
  return 0
}

const definition = v.looseObject({
  apiVersion: v.literal('apiextensions.k8s.io/v1'),
  kind: v.literal('CustomResourceDefinition'),
  metadata: v.looseObject({ name: v.pipe(v.string(), v.endsWith(`.${API_GROUP}`)) }),
})

export type Definition = v.InferOutput<typeof definition>

/** @throws OperatorError when the folder holds no definition, or anything but definitions of podid's group. */
export async function readDefinitions(folder: string): Promise<Definition[]> {
  if (folder === '') throw new OperatorError('--from must name the folder of the definitions')
  const names = await readdir(folder).catch((thrown: unknown) => {
    throw new OperatorError(`--from=${folder}: ${errorText(thrown)}`, { cause: thrown })
  })
  const found: Definition[] = []
  for (const name of names.filter((each) => each.endsWith('.yaml')).sort()) {
    for (const document of parseAllDocuments(await readFile(join(folder, name), 'utf8'))) {
      const read = v.safeParse(definition, document.toJS())
      if (!read.success) throw new OperatorError(`${name} is no definition of a kind of ${API_GROUP}`)
      found.push(read.output)
    }
  }
  if (found.length === 0) throw new OperatorError(`${folder} has no definitions`)
  return found
}

export interface Applying {
  readonly rest: Rest
  readonly definitions: readonly Definition[]
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * Creates or changes each definition by server-side apply, whoever wrote it before; none is ever deleted.
 * @throws what Rest throws.
 */
export async function applyDefinitions({ rest, definitions, log, signal }: Applying): Promise<void> {
  const lenient = await toleratesOldValues(rest, signal)
  for (const each of definitions) {
    const { name } = each.metadata
    await rest.send('PATCH', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`, {
      // Helm 4 applies crds/ by this name: with another, the next install would meet a conflict.
      query: { fieldManager: 'helm', force: true },
      // JSON is YAML.
      contentType: 'application/apply-patch+yaml',
      body: lenient ? each : withoutRules(each),
      signal,
    })
    log.info({ definition: name, rules: lenient }, 'the definition is up to date')
  }
}

const version = v.object({ major: v.string(), minor: v.string() })

/**
 * From 1.30 on an API server leaves a field that was there before alone, whatever a new rule says of it
 * ("ratcheting"). Before, a rule would refuse every change of an object that AAD Pod Identity accepted.
 */
async function toleratesOldValues(rest: Rest, signal: AbortSignal): Promise<boolean> {
  const { major, minor } = v.parse(version, await rest.getJson('/version', { signal }))
  // Some providers write the minor version as "30+".
  return Number(major) > 1 || Number.parseInt(minor, 10) >= 30
}

function withoutRules(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutRules)
  if (typeof node !== 'object' || node === null) return node
  const kept = Object.entries(node).filter(([key]) => key !== 'x-kubernetes-validations')
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutRules(value)]))
}
