/** podid's roles against the API server's own record of what podid asked for. */
import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { Rendered } from '../../chart/chart.ts'
import { TENANT } from '../../make/objects.ts'
import { resourceIdOf } from '../cluster/cluster-azure.ts'
import { until } from '../cluster/until.ts'
import type { Manifest, Place } from '../place.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import { grantsOf, requestsOf, unusedOf } from '../rights.ts'
import type { Scenario } from '../scenario.ts'
import { assertToken } from '../token-answer.ts'
import type { World } from '../world.ts'

/** Rights that the audit log cannot show, and why. */
const INVISIBLE: ReadonlyMap<string, string> = new Map([
  [
    'ClusterRole podid-crds: create customresourcedefinitions.apiextensions.k8s.io',
    'asked for inside a patch that makes the definition',
  ],
])

/** A service principal with its Secret, which NMI may read after the next upgrade. */
async function bindPrincipal(place: Place, { azure }: World): Promise<string> {
  const clientId = randomUUID()
  const secret = randomUUID()
  azure.plant({ apps: [{ clientId, secret }] })
  const manifests: Manifest[] = [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'principal' }, stringData: { secret } },
    {
      apiVersion: 'aadpodidentity.k8s.io/v1',
      kind: 'AzureIdentity',
      metadata: { name: 'principal' },
      spec: {
        type: 1,
        clientID: clientId,
        tenantID: TENANT,
        clientPassword: { name: 'principal', namespace: place.namespace },
      },
    },
    {
      apiVersion: 'aadpodidentity.k8s.io/v1',
      kind: 'AzureIdentityBinding',
      metadata: { name: 'principal' },
      spec: { azureIdentity: 'principal', selector: 'principal' },
    },
  ]
  await place.apply(...manifests)
  return clientId
}

/** A ConfigMap of the name under which MIC records what it put on `blue`, with nonsense in it. */
async function spoilRecord({ cluster, kubectl }: World): Promise<void> {
  const machine = cluster.machines.find(({ resource }) => resource === 'blue')
  assert.ok(machine)
  const mark = createHash('sha256').update(resourceIdOf(machine).toLowerCase()).digest('hex').slice(0, 20)
  const metadata = { name: `podid-owned-${mark}`, namespace: 'default' }
  const spoilt = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { entries: 'nonsense' } }
  await kubectl.ok(['apply', '-f', '-'], JSON.stringify(spoilt))
}

async function eventOf(place: Place, pod: string): Promise<number> {
  return until(`${pod} has an Event`, { deadlineMs: 60_000 }, async () => {
    const text = await place.kubectl('get', 'events', '-o', 'json')
    const { items } = JSON.parse(text) as {
      items: { involvedObject: { name: string }; source: { component?: string }; count?: number }[]
    }
    const mine = items.filter(
      ({ involvedObject, source }) => involvedObject.name === pod && source.component === 'podid-mic',
    )
    return mine.length === 0 ? undefined : Math.max(...mine.map(({ count = 1 }) => count))
  })
}

const rights: Scenario = {
  name: 'rights',
  proves:
    'through a whole life of podid the API server refused none of its accounts anything, and each single right of its roles was used: nothing is missing and nothing is too much',
  ownCluster: true,
  deadlineSeconds: 500,
  async run(place, world) {
    const { cluster, kubectl, podid } = world
    await podid.install()
    const principal = await bindPrincipal(place, world)
    // The chart finds the Secret that the identity names.
    await podid.install()
    const shop = place.identity('shop')
    await place.bind(shop)
    await spoilRecord(world)
    const pod = await place.pod('shop', { selector: shop.name, node: 'blue-0' })
    assertToken(await pod.token(), shop.clientId)
    const other = await place.pod('principal', { selector: 'principal' })
    assertToken(await other.token(), principal)
    // Told by an Event, on which the next leader counts on.
    await place.pod('unbound', { selector: 'no-such-binding' })
    const count = await eventOf(place, 'unbound')
    const leader = await podid.leader()
    await kubectl.ok(['-n', RELEASE_NAMESPACE, 'delete', 'pod', leader, '--force', '--grace-period=0'])
    await until('the next leader counts on that Event', { deadlineMs: 60_000 }, async () => {
      return (await eventOf(place, 'unbound')) > count
    })
    await place.kubectl('label', 'pod', 'shop', 'aadpodidbinding=no-such-binding', '--overwrite')
    await pod.delete()
    await until('the identity has left', { deadlineMs: 60_000 }, () => identitiesGone(place))
    const installed = await podid.helm(['get', 'manifest', 'podid'])
    const hooks = await podid.helm(['get', 'hooks', 'podid'])
    await podid.uninstall()

    const requests = await requestsOf(cluster.controlPlane.auditLog, RELEASE_NAMESPACE)
    const refused = requests.filter(({ allowed }) => !allowed)
    assert.deepEqual(
      [...new Set(refused.map(({ account, right, uri }) => `${account}: ${right} ${uri}`))],
      [],
    )
    const grants = grantsOf(new Rendered(`${installed}\n---\n${hooks}`).objects)
    const used = new Set(requests.map(({ account, right }) => `${account} ${right}`))
    world.say(`       ${requests.length} requests of podid, ${used.size} kinds, for ${grants.length} rights`)
    const unused = unusedOf(grants, requests).filter((each) => !INVISIBLE.has(each))
    assert.deepEqual(unused, [])
  },
}

function identitiesGone(place: Place): boolean {
  return place.onMachine('pool').length + place.onMachine('blue').length === 0
}

export const RIGHTS: readonly Scenario[] = [rights]
