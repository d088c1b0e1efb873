import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindingManifest, GROUP, identityManifest } from '../harness/system-manifests.ts'
import type { System, SystemPod } from '../harness/system-world.ts'
import { clientIdOf, identityId } from '../make/objects.ts'

/** Requests of one pod in several lines at once, until each saw `turned`; what came after the first turn. */
async function askWhile(
  pod: SystemPod,
  turned: (client: string) => boolean,
  turn: () => void,
): Promise<string[]> {
  const afterwards: string[] = []
  let asked = 0
  let seen = false
  const line = async (): Promise<void> => {
    for (let rest = 5; rest > 0; ) {
      const mayBeOld = !seen
      const answer = await pod.token()
      const client = answer.status === 200 ? String(answer.json()['client_id']) : 'refused'
      if (!mayBeOld) afterwards.push(client)
      seen ||= turned(client)
      if (seen) rest -= 1
      asked += 1
      if (asked === 20) turn()
    }
  }
  await Promise.all(Array.from({ length: 4 }, line))
  return afterwards
}

export function testRevocation(system: () => System): void {
  test('once a deleted binding was seen no request that begins later gets a token, on any connection', async () => {
    const world = system()
    world.load(bindingManifest('revoked', 'good'))
    const pod = world.pod('revoked', 'revoked')
    await world.assigned('revoked')
    const afterwards = await askWhile(
      pod,
      (client) => client === 'refused',
      () => world.kube.remove('azureidentitybindings', 'default/revoked', GROUP),
    )
    assert.ok(afterwards.length >= 15)
    assert.deepEqual([...new Set(afterwards)], ['refused'])
  })

  test('once a changed client id was seen no request that begins later gets a token of the former identity', async () => {
    const world = system()
    const pod = world.bound('moved1')
    await world.assigned('moved1')
    const spec = { resourceID: identityId('moved2'), clientID: clientIdOf('moved2') }
    const afterwards = await askWhile(
      pod,
      (client) => client === clientIdOf('moved2'),
      () => world.load(identityManifest('moved1', spec)),
    )
    assert.deepEqual([...new Set(afterwards)], [clientIdOf('moved2')])
  })
}
