/** Identities that need no node: service principals with a Secret that NMI may read by its name. */
import assert from 'node:assert/strict'
import { TENANT } from '../../make/objects.ts'
import { startedPatches } from '../arm-patches.ts'
import { until } from '../cluster/until.ts'
import type { Place } from '../place.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import type { Scenario } from '../scenario.ts'
import { assertRefused, assertToken } from '../token-answer.ts'
import type { World } from '../world.ts'

const SECRET = 'shop-login'

const withSecret: Scenario = {
  name: 'service-principal',
  proves:
    'a pod gets tokens of a service principal with the secret of a Kubernetes Secret, once the chart lets NMI read that Secret, by its name and no other; a rotated secret is used; nothing is assigned to any node',
  alone: true,
  async run(place, world) {
    const app = place.absentIdentity('shop')
    const { clientId } = app
    world.azure.plant({ apps: [{ clientId, secret: 'first', roles: [] }] })
    await writeSecret(place, SECRET, 'first')
    await writeSecret(place, 'other', 'other')
    const clientPassword = { name: SECRET, namespace: place.namespace }
    await place.bind(app, { spec: { type: 1, tenantID: TENANT, clientPassword } })
    const pod = await place.pod('shop', { selector: app.name })
    // podid was installed before there was this AzureIdentity.
    assertRefused(await pod.token(), 503, 'secret-forbidden')
    try {
      const secrets = [{ namespace: place.namespace, names: [SECRET] }]
      await world.podid.install({ rbac: { findSecrets: false, secrets } })
      await until(
        'NMI reads the Secret',
        { deadlineMs: 90_000 },
        async () => (await pod.token()).status === 200,
      )
      const claims = assertToken(await pod.token(), clientId)
      assert.equal(claims['appidacr'], '1')
      assert.equal(claims['tid'], TENANT)
      // The object is there, as for every identity; no machine has anything of it.
      await place.whenAssigned('shop', [app])
      assert.deepEqual(startedPatches(world, app.id), [])
      await onlyThatSecret(place, world)
      world.azure.plant({ apps: [{ clientId, secret: 'second', roles: [] }] })
      await writeSecret(place, SECRET, 'second')
      const resource = 'https://storage.azure.com/'
      await until('the rotated secret is used', { deadlineMs: 30_000 }, async () => {
        return (await pod.token({ resource })).status === 200
      })
      assertToken(await pod.token({ resource }), clientId, resource)
    } finally {
      await world.podid.install()
    }
  },
}

async function writeSecret(place: Place, name: string, value: string): Promise<void> {
  await place.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { secret: value } })
}

async function onlyThatSecret(place: Place, world: World): Promise<void> {
  const nmi = `system:serviceaccount:${RELEASE_NAMESPACE}:podid-nmi`
  const can = async (verb: string, what: string, ...flags: readonly string[]): Promise<string> => {
    const { stdout } = await world.kubectl.run(['auth', 'can-i', verb, what, '--as', nmi, ...flags])
    return stdout.trim()
  }
  const here = ['--namespace', place.namespace]
  assert.equal(await can('watch', `secrets/${SECRET}`, ...here), 'yes')
  assert.equal(await can('watch', 'secrets/other', ...here), 'no')
  assert.equal(await can('list', 'secrets', ...here), 'no')
  assert.equal(await can('list', 'secrets', '--all-namespaces'), 'no')
}

export const SERVICE_PRINCIPAL: readonly Scenario[] = [withSecret]
