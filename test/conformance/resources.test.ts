import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as v from 'valibot'
import { parse } from 'yaml'
import { azureIdentityBindings } from '../../src/kube/resources/azure-identity-bindings.ts'

const fields = v.record(v.string(), v.unknown())
const crd = v.object({
  metadata: v.object({ name: v.string(), annotations: v.record(v.string(), v.string()) }),
  spec: v.object({
    group: v.string(),
    scope: v.string(),
    names: v.object({ kind: v.string(), plural: v.string() }),
    versions: v.tuple([
      v.object({
        name: v.string(),
        additionalPrinterColumns: v.array(v.object({ name: v.string() })),
        schema: v.object({
          openAPIV3Schema: v.object({
            properties: v.object({
              spec: v.object({ properties: fields }),
              status: v.object({ properties: fields }),
            }),
          }),
        }),
      }),
    ]),
  }),
})

function definition(plural: string): v.InferOutput<typeof crd> {
  return v.parse(crd, parse(readFileSync(`charts/podid/crds/${plural}.yaml`, 'utf8')))
}

const OLD_KINDS = [
  {
    kind: 'AzureIdentity',
    plural: 'azureidentities',
    spec: 'type resourceID clientID clientPassword tenantID auxiliaryTenantIDs adResourceID adEndpoint metadata replicas',
    status: 'metadata availableReplicas',
    columns: ['Type', 'ClientID', 'Age'],
  },
  {
    kind: 'AzureIdentityBinding',
    plural: 'azureidentitybindings',
    spec: 'azureIdentity selector weight metadata',
    status: 'metadata availableReplicas',
    columns: ['AzureIdentity', 'Selector', 'Age'],
  },
  {
    kind: 'AzureAssignedIdentity',
    plural: 'azureassignedidentities',
    spec: 'azureIdentityRef azureBindingRef pod podNamespace nodename replicas metadata',
    status: 'status availableReplicas metadata',
    columns: ['Pod', 'Pod-Namespace', 'Identity', 'Node', 'Status', 'Reason', 'Age'],
  },
  {
    kind: 'AzurePodIdentityException',
    plural: 'azurepodidentityexceptions',
    spec: 'podLabels metadata',
    status: 'status metadata',
    columns: ['Pod-Labels', 'Age'],
  },
] as const

test('the four kinds have the group, names, scope and annotation that they always had', () => {
  for (const { kind, plural } of OLD_KINDS) {
    const { metadata, spec } = definition(plural)
    assert.equal(metadata.name, `${plural}.aadpodidentity.k8s.io`)
    assert.equal(metadata.annotations['api-approved.kubernetes.io'], 'unapproved')
    assert.equal(spec.group, 'aadpodidentity.k8s.io')
    assert.equal(spec.scope, 'Namespaced')
    assert.deepEqual([spec.names.kind, spec.names.plural], [kind, plural])
    assert.equal(spec.versions[0].name, 'v1')
  }
})

test('every field of the old kinds is in the schemas', () => {
  for (const { plural, spec, status } of OLD_KINDS) {
    const { properties } = definition(plural).spec.versions[0].schema.openAPIV3Schema
    for (const field of spec.split(' ')) assert.ok(field in properties.spec.properties, `${plural} ${field}`)
    for (const field of status.split(' ')) {
      assert.ok(field in properties.status.properties, `${plural} status ${field}`)
    }
  }
})

test('kubectl shows the columns that it always showed, and more for the other two kinds', () => {
  for (const { plural, columns } of OLD_KINDS) {
    const shown = definition(plural).spec.versions[0].additionalPrinterColumns.map(({ name }) => name)
    assert.deepEqual(shown, columns)
  }
})

test('the weight of a binding is accepted and no part of what is read', () => {
  const raw = {
    metadata: { namespace: 'default', name: 'b', uid: 'u', resourceVersion: '1' },
    spec: { azureIdentity: 'shop', selector: 'shop', weight: 7 },
  }
  assert.deepEqual(azureIdentityBindings().project(raw), {
    ...raw.metadata,
    azureIdentity: 'shop',
    selector: 'shop',
    problems: [],
  })
})
