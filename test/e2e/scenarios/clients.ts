/** Unmodified Azure SDKs, Azure CLI and curl in pods. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { runClients, type SuiteOptions } from '../clients/client-suite.ts'
import { kubernetesClients } from '../clients/kubernetes-cluster.ts'
import { pageWith } from '../clients/sdk-table.ts'
import type { Place } from '../place.ts'
import type { Scenario } from '../scenario.ts'
import type { World } from '../world.ts'

const PAGE = new URL('../../../docs/sdks.md', import.meta.url)

async function play(world: World, place: Place, options: Pick<SuiteOptions, 'cases'>) {
  const clients = await kubernetesClients(world, place)
  try {
    return await runClients(clients, { ...options, say: (line) => world.say(`       ${line}`) })
  } finally {
    clients.close()
  }
}

const smoke: Scenario = {
  name: 'sdks-first-secret',
  proves:
    'unmodified SDKs for JavaScript, Python, Go and Java, Azure CLI and curl read a secret out of Key Vault with the identity of their pod, as a user without rights on a read-only root',
  smoke: true,
  alone: true,
  deadlineSeconds: 1_200,
  async run(place, world) {
    const outcomes = await play(world, place, { cases: ['none', 'default'] })
    assert.deepEqual(
      outcomes.filter(({ problems }) => problems.length > 0),
      [],
    )
  },
}

const all: Scenario = {
  name: 'sdks-all-cases',
  proves:
    'these clients choose identities by each id, show podid’s reason when it refuses, wait for an identity that arrives 75 s late, renew tokens across their end, and get 50 tokens at once; docs/sdks.md is the table',
  alone: true,
  deadlineSeconds: 3_600,
  async run(place, world) {
    const outcomes = await play(world, place, {})
    await writeFile(PAGE, pageWith(await readFile(PAGE, 'utf8'), outcomes))
    assert.deepEqual(
      outcomes.filter(({ problems }) => problems.length > 0),
      [],
    )
  },
}

export const CLIENT_SCENARIOS: readonly Scenario[] = [smoke, all]
