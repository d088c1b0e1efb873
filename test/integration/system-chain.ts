import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpAnswer } from '../harness/http.ts'
import { SCALE_SET } from '../harness/system-azure.ts'
import { bindingManifest, GROUP, identityManifest } from '../harness/system-manifests.ts'
import type { System } from '../harness/system-world.ts'
import { clientIdOf, identityId } from '../make/objects.ts'

/** Status and IMDS error code of a refusal, whose text a person reads. */
export function refusal(answer: HttpAnswer): { status: number; text: string } {
  assert.notEqual(answer.status, 200, answer.text)
  const body = answer.json()
  assert.equal(typeof body['error'], 'string', answer.text)
  return { status: answer.status, text: String(body['error_description']) }
}

/** Loads what is broken; MIC waits some seconds before it tells of a chain that may be on its way. */
export function loadBrokenChains(world: System): void {
  world.pod('misspelt', 'godo')
  world.load(bindingManifest('hollow', 'nowhere'))
  world.pod('hollow', 'hollow')
}

export function testChain(system: () => System): void {
  test('an identity is found and assigned in every spelling of its resource id, and asked for in every other', async () => {
    const world = system()
    const spellings = [
      identityId('spell1').toUpperCase(),
      identityId('spell2').toLowerCase(),
      `/${identityId('spell3')}/`,
      identityId('spell4').replace('/resourceGroups/', '/resourcegroups//'),
    ]
    const pods = spellings.map((resourceID, index) => {
      const name = `spell${index + 1}`
      world.load(identityManifest(name, { resourceID }), bindingManifest(name))
      return world.pod(name, name)
    })
    for (const [index, pod] of pods.entries()) {
      await world.assigned(pod.name)
      const resourceId = spellings.at(index - 1)?.replaceAll(/spell\d/gi, pod.name)
      assert.ok(resourceId !== undefined)
      const answer = await pod.token({ resourceId })
      assert.equal(answer.status, 200, answer.text)
      assert.equal(answer.json()['client_id'], clientIdOf(pod.name))
    }
    const sent = world.azure.journal.requests
      .filter(({ route }) => route === 'arm.vmss.patch')
      .map(({ body }) => JSON.stringify(body))
      .join('')
    for (const { name } of pods) assert.ok(sent.includes(identityId(name).toLowerCase()), sent)
  })

  test('a good identity works beside all that follows', async () => {
    const world = system()
    const pod = world.bound('good')
    await world.assigned('good')
    assert.equal((await pod.token()).status, 200)
  })

  test('a label that no binding selects is named to the pod, in the log and in an Event, with the near match', async () => {
    const world = system()
    const pod = world.pod('misspelt', 'godo')
    const { status, text } = refusal(await pod.token())
    assert.equal(status, 403)
    assert.match(text, /label aadpodidbinding=godo/)
    assert.match(text, /Did you mean good\?/)
    assert.match(await world.event('misspelt', 'NoBinding'), /Did you mean good\?/)
    // The log is another stream than the answer: it may come a moment later.
    await world.happenings.until('the near match in the log', () =>
      world.output.some((line) => line.includes('Did you mean good?') && line.includes('misspelt')),
    )
  })

  test('a binding whose identity does not exist says so to the pod and in an Event', async () => {
    const world = system()
    const pod = world.pod('hollow', 'hollow')
    const event = await world.event('hollow', 'IdentityMissing')
    assert.match(event, /nowhere/)
    const { status, text } = refusal(await pod.token())
    assert.equal(status, 403)
    assert.match(text, /nowhere/)
  })

  test('an identity that podid may not assign is told with the az command that grants it', async () => {
    const world = system()
    const pod = world.bound('denied')
    const command =
      /az role assignment create --role "Managed Identity Operator" --assignee [0-9a-f-]{36} --scope \S+\/denied/
    assert.match(await world.event('denied', 'AssignmentFailed'), command)
    const message = await world.happenings.until(
      'the status of the denied identity',
      () =>
        world.kube
          .objects('azureassignedidentities', GROUP)
          .map((each) => each['status'] as { reason?: string; message?: string } | undefined)
          .find((status) => status?.reason === 'assignment-failed' && status.message?.includes('/denied'))
          ?.message,
    )
    assert.match(message, command)
    const answer = await pod.token()
    const told = refusal(answer)
    assert.equal(told.status, 503)
    assert.match(told.text, command)
    assert.ok(Number(answer.headers['retry-after']) > 0)
  })

  test('an identity that was deleted on Azure is told with the az command that creates it', async () => {
    const world = system()
    world.azure.control.deleteIdentity(identityId('gone'))
    const pod = world.bound('gone')
    assert.match(
      await world.event('gone', 'AssignmentFailed'),
      /does not exist on Azure.*az identity create --name gone --resource-group shop/,
    )
    assert.equal(refusal(await pod.token()).status, 503)
  })

  test('an identity that was recreated under its name is healed when the AzureIdentity names the new client id', async () => {
    const world = system()
    const pod = world.bound('again')
    await world.assigned('again')
    assert.equal((await pod.token()).json()['client_id'], clientIdOf('again'))
    const { clientId } = world.azure.control.recreateIdentity(identityId('again'))
    world.load(identityManifest('again', { clientID: clientId }))
    await world.happenings.until('the new principal on the scale set', () => {
      const pool = world.azure.state.computes.get(SCALE_SET.toLowerCase())
      return pool?.imds.get(identityId('again').toLowerCase())?.clientId === clientId
    })
    await world.assigned('again')
    const answer = await pod.token()
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.json()['client_id'], clientId)
  })
}
