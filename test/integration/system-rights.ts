import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import type { System } from '../harness/system-world.ts'

/** Any JSON Web Token: all that Entra, IMDS and the API server sign. */
const JWT = /eyJ[\w-]{8,}\.eyJ[\w-]{8,}/
const PRIVATE_KEY = /PRIVATE KEY/

interface Rule {
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

/** Verbs that are granted and may be unused here: a server that cannot send initial events is asked for lists. */
const FALLBACK = ' list '

/** Granted and not used by these tests, each for a reason. */
const UNUSED: ReadonlyMap<string, string> = new Map([
  ['podid-mic patch events', 'counts an Event that happens again, after a minute'],
  ['podid-mic get events', 'reads the count of an Event that a MIC before wrote'],
  ['podid-mic delete configmaps', 'a record goes with its scale set, and this one stays'],
  ['podid-mic get configmaps', 'a record that was edited into nonsense is read before it is written over'],
])

export function testRights(system: () => System): void {
  test('no component ever asked for something that deploy/rbac.yaml does not grant', () => {
    const { accesses } = system()
    const refused = accesses.filter(
      ({ user, code, target }) =>
        code === 403 && user.startsWith('system:serviceaccount:') && !target.includes('unreadable'),
    )
    assert.deepEqual(refused, [])
    assert.ok(accesses.some(({ user }) => user.endsWith(':podid-nmi')))
    assert.ok(accesses.some(({ user }) => user.endsWith(':podid-mic')))
  })

  test('every verb on every resource that deploy/rbac.yaml grants is used', async () => {
    const { accesses } = system()
    const used = new Set(
      accesses.map(({ user, verb, resource }) => `${user.split(':').at(-1)} ${verb} ${resource}`),
    )
    const text = await readFile(new URL('../../deploy/rbac.yaml', import.meta.url), 'utf8')
    const granted = parseAllDocuments(text)
      .map((each) => each.toJS() as { kind: string; metadata: { name: string }; rules?: Rule[] })
      .flatMap(({ metadata, rules = [] }) =>
        rules.flatMap(({ resources, verbs }) =>
          resources.flatMap((resource) => verbs.map((verb) => `${metadata.name} ${verb} ${resource}`)),
        ),
      )
    assert.deepEqual(
      granted.filter((each) => !used.has(each) && !each.includes(FALLBACK) && !UNUSED.has(each)),
      [],
    )
  })

  test('nothing that Azure would not have understood was sent to it', () => {
    assert.deepEqual(system().azure.journal.violations, [])
  })

  test('no token, password or key stands in any line of any log, in any Event or in any status', () => {
    const { kube, output, secrets } = system()
    const stored = ['events', 'azureassignedidentities', 'configmaps', 'leases', 'endpoints'].flatMap(
      (plural) =>
        ['', 'aadpodidentity.k8s.io', 'coordination.k8s.io'].flatMap((group) => kube.objects(plural, group)),
    )
    const texts = [...output, ...stored.map((each) => JSON.stringify(each))]
    assert.ok(output.length > 100 && stored.length > 10 && secrets.size > 20)
    const parts = [...secrets].flatMap((secret) => [secret, secret.split('.').at(-1) ?? secret])
    for (const text of texts) {
      assert.doesNotMatch(text, JWT)
      assert.doesNotMatch(text, PRIVATE_KEY)
      for (const part of parts) assert.ok(!text.includes(part), text.slice(0, 200))
    }
  })
}
