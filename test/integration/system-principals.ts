import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpAnswer } from '../harness/http.ts'
import { APP_CLIENT } from '../harness/system-azure.ts'
import {
  bindingManifest,
  identityManifest,
  secretManifests,
  secretRights,
} from '../harness/system-manifests.ts'
import type { System, SystemPod } from '../harness/system-world.ts'
import { TENANT } from '../make/objects.ts'
import { refusal } from './system-chain.ts'

/** @returns adds the test that takes some seconds, to be called later. */
export function testPrincipals(system: () => System): () => void {
  let unreadable: Promise<HttpAnswer> | undefined

  function principal(name: string): SystemPod {
    const world = system()
    const spec = {
      type: 1,
      resourceID: '',
      clientID: APP_CLIENT,
      tenantID: TENANT,
      clientPassword: { name, namespace: 'default' },
    }
    world.load(identityManifest(name, spec), bindingManifest(name))
    return world.pod(name, name)
  }

  test('the Secret of a service principal: missing, then empty, then wrong, then right, each told or used at once', async () => {
    const world = system()
    world.load(...secretRights(['legacy']))
    const pod = principal('legacy')
    await world.assigned('legacy')
    const missing = refusal(await pod.token())
    assert.equal(missing.status, 403)
    assert.match(missing.text, /Secret default\/legacy does not exist/)
    const tell = async (value: string, pattern: RegExp): Promise<void> => {
      world.load(...secretManifests('legacy', value))
      // A refusal is repeated for ten seconds, unless the Secret changed: that it changes sooner is the proof.
      const since = performance.now()
      for (;;) {
        const answer = await pod.token()
        if (pattern.test(answer.text)) return
        assert.ok(performance.now() - since < 8_000, `not ${String(pattern)}: ${answer.text}`)
      }
    }
    await tell('', /Secret default\/legacy is empty/)
    await tell(world.passwords.wrong, /AADSTS7000215/)
    await tell(world.passwords.app, /"access_token"/)
    const answer = await pod.token()
    assert.equal(answer.json()['client_id'], APP_CLIENT)
  })

  test('a rotated password is used for the next token', async () => {
    const world = system()
    const pod = principal('legacy')
    world.load(...secretManifests('legacy', world.passwords.rotated))
    const answer = await pod.token({ resource: 'https://rotated.example' })
    assert.equal(answer.status, 200, answer.text)
  })

  test('a Secret that the node agent may not read is asked for', async () => {
    const world = system()
    const pod = principal('unreadable')
    await world.assigned('unreadable')
    // It is told after some seconds; other tests go on meanwhile.
    unreadable = pod.token()
    unreadable.catch(() => {})
  })

  return () => {
    test('a Secret that the node agent may not read is told as one, and is retryable', async () => {
      const answer = await unreadable
      assert.ok(answer !== undefined)
      const { status, text } = refusal(answer)
      assert.equal(status, 503)
      assert.match(text, /Secret default\/unreadable cannot be read|no token came in time/)
    })
  }
}
