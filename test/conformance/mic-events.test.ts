import assert from 'node:assert/strict'
import { test } from 'node:test'
import { armError } from '../fakes/fake-arm.ts'
import { makeMicWorld, vmssId, vmssNode } from '../make/mic-world.ts'
import { identityId, makePod } from '../make/objects.ts'

test('the binding hears of assignment, failure and removal under the old reasons', async () => {
  const { arm, addIdentity, clock, cluster, startMic } = makeMicWorld()
  arm.addGroup(vmssId('pool'))
  cluster.put('nodes', vmssNode('pool', 0))
  addIdentity('shop')
  addIdentity('bad')
  arm.permit(identityId('bad'), false)
  const mic = startMic()
  cluster.put('pods', makePod({ name: 'shop-0', nodeName: 'pool-0' }))
  cluster.put('pods', makePod({ name: 'bad-0', selector: 'bad', nodeName: 'pool-0' }))
  await clock.advance(10_000)
  arm.beforeCall = ({ kind }) => {
    if (kind === 'patch') throw armError('denied', 403, 'AuthorizationFailed', 'no')
  }
  cluster.remove('pods', 'default/shop-0')
  await clock.advance(5_000)
  arm.beforeCall = () => {}
  await clock.advance(60_000)
  const heard = (binding: string) =>
    cluster.events
      .filter((event) => event.target === `AzureIdentityBinding default/${binding}`)
      .map((event) => event.reason)
  assert.deepEqual(heard('shop-binding'), ['binding applied', 'binding remove error', 'binding removed'])
  assert.deepEqual(heard('bad-binding'), ['binding apply error'])
  await mic.kill()
})
