/** Deletion: finalizers, preconditions, collections. */
import assert from 'node:assert/strict'
import { identity } from './case-objects.ts'
import { type KubeCase, MERGE } from './case-world.ts'

export const DELETION_CASES: readonly KubeCase[] = [
  {
    name: 'deletion answers with the object while finalizers hold it and with a Status when it is gone',
    async run(world) {
      const { http } = world
      const identities = world.path('azureidentities')
      await http.ask('POST', identities, {
        body: identity('i', { metadata: { name: 'i', finalizers: ['a.example/b'] } }),
      })
      const marked = await http.ask('DELETE', `${identities}/i`)
      assert.equal(marked.json().kind, 'AzureIdentity')
      assert.equal(marked.json().metadata?.['generation'], 2)
      const added = await http.ask('PATCH', `${identities}/i`, {
        contentType: MERGE,
        body: { metadata: { finalizers: ['a.example/b', 'a.example/c'] } },
      })
      assert.match(
        added.json().message ?? '',
        /metadata\.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers \[\]string\{"a\.example\/c"\}/,
      )
      await http.ask('PATCH', `${identities}/i`, {
        contentType: MERGE,
        body: { metadata: { finalizers: null } },
      })
      assert.equal((await http.ask('GET', `${identities}/i`)).code, 404)
      const created = (await http.ask('POST', identities, { body: identity('j') })).json()
      const wrong = await http.ask('DELETE', `${identities}/j`, { body: { preconditions: { uid: 'other' } } })
      assert.equal(wrong.code, 409)
      assert.match(
        wrong.json().message ?? '',
        /the UID in the precondition \(other\) does not match the UID in record/,
      )
      const gone = (await http.ask('DELETE', `${identities}/j`)).json()
      assert.deepEqual(
        [gone.kind, gone['status'], gone.details],
        [
          'Status',
          'Success',
          { name: 'j', group: 'aadpodidentity.k8s.io', kind: 'azureidentities', uid: created.metadata?.uid },
        ],
      )
      await http.ask('POST', identities, {
        body: identity('k', { metadata: { name: 'k', labels: { a: 'b' } } }),
      })
      await http.ask('POST', identities, { body: identity('l') })
      const collection = await http.ask('DELETE', `${identities}?labelSelector=a%3Db`)
      assert.deepEqual(
        collection.json().items?.map((each) => each.metadata?.name),
        ['k'],
      )
      assert.equal((await http.ask('GET', identities)).json().items?.length, 1)
    },
  },
]
