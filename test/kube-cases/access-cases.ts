/** Who may do what, and what the others are told. */
import assert from 'node:assert/strict'
import { map, refusal } from './case-objects.ts'
import type { CaseWorld, KubeCase } from './case-world.ts'

/** A real server learns of a new role a moment after its creation. */
async function granted(world: CaseWorld, path: string, headers: Record<string, string>): Promise<void> {
  for (let code = 403; code === 403; ) code = (await world.http.ask('GET', path, { headers })).code
}

export const ACCESS_CASES: readonly KubeCase[] = [
  {
    name: 'who has no token is anonymous, a wrong one is 401, and rights come from roles and resource names',
    async run(world) {
      const { http } = world
      const maps = world.path('configmaps')
      const pods = world.path('pods')
      assert.deepEqual(refusal(await http.ask('GET', pods, { token: 'wrong' })), {
        code: 401,
        reason: 'Unauthorized',
        message: 'Unauthorized',
        details: undefined,
      })
      const anonymous = refusal(await http.ask('GET', pods, { token: '' }))
      assert.equal(
        anonymous.message,
        `pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "${world.namespace}"`,
      )
      assert.equal((await http.ask('GET', '/healthz', { token: '' })).text, 'ok')
      assert.equal(
        refusal(await http.ask('GET', '/metrics', { token: '' })).message,
        'forbidden: User "system:anonymous" cannot get path "/metrics"',
      )
      const rbac = 'rbac.authorization.k8s.io'
      await world.make('roles', {
        apiVersion: `${rbac}/v1`,
        kind: 'Role',
        metadata: { name: 'r' },
        rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['m'], verbs: ['get', 'list'] }],
      })
      await world.make('rolebindings', {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata: { name: 'r' },
        roleRef: { apiGroup: rbac, kind: 'Role', name: 'r' },
        subjects: [{ kind: 'User', apiGroup: rbac, name: 'jo' }],
      })
      await world.make('configmaps', map('m'))
      const jo = { headers: { 'Impersonate-User': 'jo' } }
      await granted(world, `${maps}/m`, jo.headers)
      assert.equal((await http.ask('GET', `${maps}/m`, jo)).code, 200)
      assert.equal((await http.ask('GET', `${maps}?fieldSelector=metadata.name%3Dm`, jo)).code, 200)
      assert.equal((await http.ask('GET', maps, jo)).code, 403)
      assert.equal(
        refusal(await http.ask('GET', `${maps}/other`, jo)).message,
        `configmaps "other" is forbidden: User "jo" cannot get resource "configmaps" in API group "" in the namespace "${world.namespace}"`,
      )
      assert.equal(
        refusal(await http.ask('GET', '/api/v1/nodes', jo)).message,
        'nodes is forbidden: User "jo" cannot list resource "nodes" in API group "" at the cluster scope',
      )
    },
  },
]
