/** Patches of every kind. */
import assert from 'node:assert/strict'
import { identity } from './case-objects.ts'
import { type KubeCase, MERGE } from './case-world.ts'

export const PATCH_CASES: readonly KubeCase[] = [
  {
    name: 'patches that do not fit are refused: unknown media type, wrong operation, apply without a manager',
    async run(world) {
      const { http } = world
      const identities = world.path('azureidentities')
      await http.ask('POST', identities, { body: identity('i') })
      const path = `${identities}/i`
      const strategic = await http.ask('PATCH', path, {
        contentType: 'application/strategic-merge-patch+json',
        body: {},
      })
      assert.equal(strategic.code, 415)
      assert.equal(strategic.json().reason, 'UnsupportedMediaType')
      const json = 'application/json-patch+json'
      const tested = await http.ask('PATCH', path, {
        contentType: json,
        body: [{ op: 'test', path: '/spec/type', value: 5 }],
      })
      assert.equal(tested.code, 422)
      const replaced = await http.ask('PATCH', path, {
        contentType: json,
        body: [{ op: 'replace', path: '/spec/none', value: 5 }],
      })
      // The field is set, and then dropped because the schema does not have it.
      assert.equal(replaced.code, 200)
      const apply = await http.ask('PATCH', path, {
        contentType: 'application/apply-patch+yaml',
        body: identity('i'),
      })
      assert.equal(
        apply.json().message,
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      )
      const typo = identity('i', { spec: { typ: 0 } })
      const undeclared = await http.ask('PATCH', `${path}?fieldManager=a`, {
        contentType: 'application/apply-patch+yaml',
        body: typo,
      })
      assert.equal(undeclared.code, 500)
      assert.equal(
        undeclared.json().message,
        `failed to create typed patch object (/i; aadpodidentity.k8s.io/v1, Kind=AzureIdentity): .spec.typ: field not declared in schema`,
      )
      const forced = await http.ask('PATCH', `${path}?force=true`, { contentType: MERGE, body: {} })
      assert.match(forced.json().message ?? '', /force: Forbidden: may not be specified for non-apply patch/)
    },
  },
]
