/** Lists: pages, versions, options, in the words of a real server. */
import assert from 'node:assert/strict'
import { identity, map, namesOf, placedPod, pod } from './case-objects.ts'
import type { CaseWorld, KubeCase } from './case-world.ts'

async function pods(world: CaseWorld, ...names: readonly string[]): Promise<void> {
  for (const name of names) await world.make('pods', pod(name))
}

async function list(
  world: CaseWorld,
  query = '',
): Promise<ReturnType<Awaited<ReturnType<CaseWorld['http']['ask']>>['json']>> {
  return (await world.http.ask('GET', `${world.path('pods')}${query}`)).json()
}

export const LIST_CASES: readonly KubeCase[] = [
  {
    name: 'a list of a built-in kind repeats no kind in its items, one of a custom kind does',
    async run(world) {
      await pods(world, 'a')
      await world.make('azureidentities', identity('i'))
      const found = await list(world)
      assert.equal(found.kind, 'PodList')
      assert.equal(found.items?.[0]?.kind, undefined)
      const identities = (await world.http.ask('GET', world.path('azureidentities'))).json()
      assert.equal(identities.kind, 'AzureIdentityList')
      assert.equal(identities.items?.[0]?.kind, 'AzureIdentity')
    },
  },
  {
    name: 'the pages of a list show one moment, whatever is written between them',
    async run(world) {
      await pods(world, 'a', 'b', 'c', 'd', 'e')
      const first = await list(world, '?limit=2')
      assert.deepEqual(namesOf(first), ['a', 'b'])
      assert.equal(first.metadata?.['remainingItemCount'], 3)
      await world.remove(`${world.path('pods')}/c`)
      await pods(world, 'bb')
      await world.merge(`${world.path('pods')}/d`, { metadata: { labels: { changed: 'yes' } } })
      const second = await list(world, `?limit=5&continue=${String(first.metadata?.['continue'])}`)
      assert.deepEqual(namesOf(second), ['c', 'd', 'e'])
      assert.equal(second.items?.[1]?.metadata?.['labels'], undefined)
      assert.equal(second.metadata?.resourceVersion, first.metadata?.resourceVersion)
      assert.equal(second.metadata?.['continue'], undefined)
    },
  },
  {
    name: 'a continue token that is too old is answered with 410 and a token that goes on from there',
    async run(world, t) {
      if (world.subject.compact === undefined) {
        t.skip('nobody can make this server forget its history')
        return
      }
      await pods(world, 'a', 'b', 'c')
      const first = await list(world, '?limit=1')
      await pods(world, 'd')
      await world.subject.compact()
      const expired = await world.http.ask(
        'GET',
        `${world.path('pods')}?limit=9&continue=${String(first.metadata?.['continue'])}`,
      )
      assert.equal(expired.code, 410, expired.text)
      assert.equal(expired.json().reason, 'Expired')
      assert.match(expired.json().message ?? '', /^The provided continue parameter is too old/)
      const rest = await list(world, `?continue=${String(expired.json().metadata?.['continue'])}`)
      assert.deepEqual(namesOf(rest), ['b', 'c', 'd'])
    },
  },
  {
    name: 'an exact version shows the past while it is remembered',
    async run(world) {
      await pods(world, 'a')
      const version = (await list(world)).metadata?.resourceVersion
      await pods(world, 'b')
      const path = `${world.path('pods')}?resourceVersion=${version}&resourceVersionMatch=Exact`
      assert.deepEqual(namesOf((await world.http.ask('GET', path)).json()), ['a'])
      if (world.subject.compact === undefined) return
      await world.subject.compact()
      assert.equal((await world.http.ask('GET', path)).code, 410)
    },
  },
  {
    name: 'impossible list and watch options are refused in the words of a real server',
    async run(world) {
      const ask = async (query: string): Promise<string> => {
        const { code, text } = await world.http.ask('GET', `${world.path('pods')}?${query}`)
        return `${code} ${(JSON.parse(text) as { message: string }).message}`
      }
      assert.equal(
        await ask('resourceVersionMatch=Exact'),
        '422 ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
      )
      assert.equal(
        await ask('watch=1&sendInitialEvents=true'),
        '422 ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      )
      assert.equal(
        await ask('watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1'),
        '422 ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      )
      assert.match(
        await ask('resourceVersion=999999999'),
        /^504 .*Too large resource version: 999999999, current: \d+$/,
      )
      assert.match(await ask('labelSelector=a%20b'), /^400 /)
      assert.equal(await ask('fieldSelector=spec.nope%3D1'), '400 field label not supported: spec.nope')
    },
  },
  {
    name: 'selectors by label and field choose what is listed',
    async run(world) {
      await world.make('pods', placedPod('a', { tier: 'front' }))
      await world.make('pods', placedPod('b', { tier: 'back' }, 'm'))
      const chosen = async (query: string) => namesOf(await list(world, `?${query}`))
      assert.deepEqual(await chosen('labelSelector=tier%20in%20(front,side)'), ['a'])
      assert.deepEqual(await chosen('labelSelector=!tier'), [])
      assert.deepEqual(await chosen('labelSelector=tier!%3Dfront'), ['b'])
      assert.deepEqual(await chosen('fieldSelector=spec.nodeName%3Dm'), ['b'])
      assert.deepEqual(await chosen('fieldSelector=metadata.name!%3Db,spec.nodeName%3Dn'), ['a'])
      await world.make('configmaps', map('m'))
      const byName = await world.http.ask(
        'GET',
        `${world.path('configmaps')}?fieldSelector=metadata.name%3Dm`,
      )
      assert.deepEqual(namesOf(byName.json()), ['m'])
    },
  },
]
