import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { projectIdentity } from '../../src/kube/resources/azure-identities.ts'
import { CHART } from './chart.ts'

interface Node {
  readonly properties?: Readonly<Record<string, Node>>
  readonly subresources?: unknown
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[]
}

interface Definition {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly versions: readonly [Node & { readonly schema: { readonly openAPIV3Schema: Node } }]
  }
}

const definitions = readdirSync(join(CHART, 'crds')).map(
  (file) => parse(readFileSync(join(CHART, 'crds', file), 'utf8')) as Definition,
)

function specOf(plural: string): Node {
  const found = definitions.find(({ metadata }) => metadata.name.startsWith(`${plural}.`))
  const spec = found?.spec.versions[0].schema.openAPIV3Schema.properties?.['spec']
  assert.ok(spec !== undefined)
  return spec
}

/** The pattern of a rule that is made of one; both engines read these alike. */
function patternOf(node: Node | undefined): RegExp {
  const rule = node?.['x-kubernetes-validations']?.[0]?.rule ?? ''
  const [, flag, source = ''] = /matches\('(\(\?i\))?((?:[^'\\]|\\.)*)'\)/.exec(rule) ?? []
  assert.notEqual(source, '', rule)
  return new RegExp(source.replaceAll('\\\\', '\\'), flag === undefined ? '' : 'i')
}

const identity = specOf('azureidentities')
const patterns = {
  resourceID: patternOf(identity),
  clientID: patternOf(identity.properties?.['clientID']),
  tenantID: patternOf(identity.properties?.['tenantID']),
  adEndpoint: patternOf(identity.properties?.['adEndpoint']),
}
const meta = { namespace: 'default', name: 'a', uid: 'u', resourceVersion: '1', annotations: {} }

/** Whether podid itself finds nothing wrong with the field. */
function isUsable(field: keyof typeof patterns, value: string): boolean {
  const { problems } = projectIdentity(meta, { spec: { type: 0, [field]: value } })
  return !problems.some((each) => each.includes(field))
}

const RESOURCE_ID =
  '/subscriptions/1/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shop'

const SAMPLES: Readonly<Record<keyof typeof patterns, readonly string[]>> = {
  resourceID: [RESOURCE_ID, `/${RESOURCE_ID}/`, ` ${RESOURCE_ID.toUpperCase()} `, RESOURCE_ID.slice(1)],
  clientID: ['11111111-2222-3333-4444-55555555abCD', ' 11111111-2222-3333-4444-555555555555'],
  tenantID: ['', 'contoso.example', '11111111-2222-3333-4444-555555555555'],
  adEndpoint: ['', 'https://login.example/', ' HTTPS://login.example'],
}

test('what podid can use is never refused by a rule of the definitions', () => {
  for (const field of Object.keys(patterns) as (keyof typeof patterns)[]) {
    for (const value of SAMPLES[field]) assert.match(value, patterns[field], field)
    const near = fc
      .tuple(fc.constantFrom(...SAMPLES[field]), fc.string({ maxLength: 3 }), fc.nat(120))
      .map(([sample, noise, at]) => sample.slice(0, at) + noise + sample.slice(at))
    fc.assert(
      fc.property(near, (value) => {
        if (isUsable(field, value)) assert.match(value, patterns[field], `${field} ${JSON.stringify(value)}`)
      }),
      { numRuns: 2_000 },
    )
  }
})

test('what podid cannot use is refused when it is written', () => {
  const wrong = {
    resourceID: ['not an id', RESOURCE_ID.replace('/shop', ''), `https://portal.example${RESOURCE_ID}`],
    clientID: ['shop', '11111111-2222-3333-4444-55555555555'],
    tenantID: ['a b', 'a/b', '../x'],
    adEndpoint: ['http://login.example', 'login.example'],
  }
  for (const [field, values] of Object.entries(wrong) as [keyof typeof patterns, string[]][]) {
    for (const value of values) {
      assert.doesNotMatch(value, patterns[field])
      assert.equal(isUsable(field, value), false, value)
    }
  }
  const selector = patternOf(specOf('azureidentitybindings').properties?.['selector'])
  for (const value of ['', 'demo', 'a-b_c.d', 'a'.repeat(63)]) assert.match(value, selector)
  for (const value of ['a b', '-a', 'a.', 'a'.repeat(64)]) assert.doesNotMatch(value, selector)
})

test('copies in assigned identities have no rules: what was there once can always be written back', () => {
  assert.doesNotMatch(JSON.stringify(specOf('azureassignedidentities')), /x-kubernetes-validations/)
})

test('no kind has a status subresource: old and new controllers write the status with the object', () => {
  for (const { spec, metadata } of definitions) {
    assert.equal(spec.versions[0].subresources, undefined, metadata.name)
  }
})
