/** One pod, one identity: the main job, and what ends it. */
import assert from 'node:assert/strict'
import type { Scenario } from '../scenario.ts'

const single: Scenario = {
  name: 'single-identity',
  proves:
    'an unchanged pod with a label gets a token of the identity that is bound to it, and its neighbour without a label gets none',
  shapes: ['routed', 'bridge'],
  smoke: true,
  async run(place) {
    const shop = place.identity('shop')
    await place.bind(shop, { selector: 'shop' })
    const pod = await place.pod('shop', { selector: 'shop', command: ['first'] })
    const answer = await pod.token()
    assert.equal(answer.status, 200, JSON.stringify(answer))
    assert.equal((answer.body as { client_id: string }).client_id, shop.clientId)
    const stranger = await place.pod('stranger', {})
    const refused = await stranger.token()
    assert.equal(refused.status, 403, JSON.stringify(refused))
  },
}

export const BASIC: readonly Scenario[] = [single]
