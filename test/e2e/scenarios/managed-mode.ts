/** Managed mode: the node agent alone, with identities that somebody has put on the machines. */
import assert from 'node:assert/strict'
import { startedPatches } from '../arm-patches.ts'
import { until } from '../cluster/until.ts'
import { Place } from '../place.ts'
import type { Scenario } from '../scenario.ts'
import { assertRefused, assertTokenOf } from '../token-proof.ts'

const managed: Scenario = {
  name: 'managed-mode',
  proves:
    'in managed mode there is no MIC: pods get tokens of the identities that somebody put on their scale set, one that comes there later is served too, one of another namespace never is, and podid changes nothing in Azure and writes no AzureAssignedIdentity',
  alone: true,
  deadlineSeconds: 300,
  async run(place, world) {
    const { azure, podid } = world
    const pool = world.compute('pool').id
    const other = new Place(world, 'managed-mode-other')
    await other.open()
    const here = place.identity('here')
    const later = place.identity('later')
    const elsewhere = place.identity('elsewhere')
    azure.control.assign(pool, here.id)
    azure.control.assign(pool, elsewhere.id)
    await podid.install({ operationMode: 'managed' })
    try {
      await until('MIC is gone', { deadlineMs: 60_000 }, async () => (await podid.pods('mic')).length === 0)
      await place.bind(here)
      await place.bind(later)
      await other.bind(elsewhere)
      const [pod, patient, stranger] = await Promise.all(
        [here, later, elsewhere].map(({ name }) => place.pod(name, { selector: name, node: 'pool-0' })),
      )
      assert.ok(pod && patient && stranger)
      assertTokenOf(await pod.token(), here)
      assertRefused(await pod.token({ clientId: later.clientId }), 'identity-not-bound')
      assertRefused(await stranger.token(), 'namespace-mismatch')
      assertRefused(await patient.token({ timeoutSeconds: 60 }), 'identity-unknown-to-imds')
      azure.control.assign(pool, later.id)
      await until(
        'the identity that came later is served',
        { deadlineMs: 60_000 },
        async () => (await patient.token({ timeoutSeconds: 60 })).status === 200,
      )
      assertTokenOf(await patient.token(), later)
      assertRefused(await stranger.token({ clientId: elsewhere.clientId }), 'namespace-mismatch')
      assert.deepEqual(await place.assigned(), [])
      for (const { id } of [here, later, elsewhere]) assert.deepEqual(startedPatches(world, id), [])
      await pod.delete()
      assert.deepEqual(
        place.onMachine('pool').toSorted(),
        [here, later, elsewhere].map(({ id }) => id.toLowerCase()).toSorted(),
      )
    } finally {
      for (const each of [here, later, elsewhere]) azure.control.unassign(pool, each.id)
      await other.close()
      await podid.install()
    }
  },
}

export const MANAGED_MODE: readonly Scenario[] = [managed]
