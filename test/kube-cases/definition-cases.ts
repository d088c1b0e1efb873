/** CustomResourceDefinitions. */
import assert from 'node:assert/strict'
import { refusal } from './case-objects.ts'
import { established, type KubeCase, MERGE, whenCode } from './case-world.ts'

export const DEFINITION_CASES: readonly KubeCase[] = [
  {
    name: 'a definition is served when it is established, and its objects go with it',
    async run(world) {
      const { http } = world
      const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
      const group = `${world.unique('shop')}.example`
      const things = `/apis/${group}/v1/things`
      const schema = {
        type: 'object',
        properties: {
          spec: {
            type: 'object',
            required: ['size'],
            properties: {
              size: { type: 'integer', minimum: 1, default: 3 },
              colour: { type: 'string', enum: ['red', 'blue'] },
            },
          },
        },
      }
      const crd = {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `things.${group}` },
        spec: {
          group,
          scope: 'Cluster',
          names: { plural: 'things', kind: 'Thing' },
          versions: [
            {
              name: 'v1',
              served: true,
              storage: true,
              schema: { openAPIV3Schema: schema },
              subresources: { status: {} },
            },
          ],
        },
      }
      assert.equal((await http.ask('GET', things)).text, '404 page not found\n')
      const unapproved = {
        ...crd,
        metadata: { name: 'things.x.k8s.io' },
        spec: { ...crd.spec, group: 'x.k8s.io' },
      }
      assert.match(
        refusal(await http.ask('POST', crds, { body: unapproved })).message ?? '',
        /protected groups must have approval annotation "api-approved\.kubernetes\.io"/,
      )
      assert.equal((await http.ask('POST', crds, { body: crd })).code, 201)
      await established(http, `things.${group}`)
      const made = await http.ask('POST', things, {
        body: {
          apiVersion: `${group}/v1`,
          kind: 'Thing',
          metadata: { name: 'a' },
          spec: {},
          status: { x: 1 },
        },
      })
      assert.deepEqual([made.json().spec, made.json().status], [{ size: 3 }, undefined])
      const wrong = await http.ask('PATCH', `${things}/a`, {
        contentType: MERGE,
        body: { spec: { size: 0, colour: 'green' } },
      })
      assert.match(wrong.json().message ?? '', /spec\.size in body should be greater than or equal to 1/)
      assert.match(wrong.json().message ?? '', /Unsupported value: "green": supported values: "red", "blue"/)
      assert.equal(
        (await http.ask('PATCH', `${things}/a/status`, { contentType: MERGE, body: { status: {} } })).code,
        200,
      )
      await http.ask('DELETE', `${crds}/things.${group}`)
      await whenCode(http, `${crds}/things.${group}`, 404)
      await whenCode(http, things, 404)
    },
  },
]
