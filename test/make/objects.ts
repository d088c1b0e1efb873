/** Builders of the model's objects: a valid one, changed by the fields that a test is about. */
import { BINDING_LABEL } from '../../src/model/names.ts'
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  AzurePodIdentityException,
  Pod,
} from '../../src/model/resources.ts'

export const SUBSCRIPTION = '11111111-2222-3333-4444-555555555555'
export const TENANT = '99999999-8888-7777-6666-555555555555'

export function identityId(name: string, resourceGroup = 'shop'): string {
  return (
    `/subscriptions/${SUBSCRIPTION}/resourceGroups/${resourceGroup}` +
    `/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`
  )
}

/** A GUID that depends on the name alone, so that a failing test reads the same each time. */
export function clientIdOf(name: string): string {
  const hex = Buffer.from(name).toString('hex')
  return `c0c0c0c0-0000-4000-8000-${hex.padEnd(12, '0').slice(0, 12)}`
}

const object = (namespace: string, name: string) => ({
  namespace,
  name,
  uid: `uid-${namespace}-${name}`,
  resourceVersion: '1',
})

export function makePod(fields: Partial<Pod> & { selector?: string } = {}): Pod {
  const { selector = 'shop', ...rest } = fields
  const namespace = rest.namespace ?? 'default'
  const name = rest.name ?? 'shop-0'
  return {
    ...object(namespace, name),
    nodeName: 'node-0',
    phase: 'Running',
    addresses: ['10.244.0.10'],
    hostNetwork: false,
    serviceAccount: 'default',
    labels: selector === '' ? {} : { [BINDING_LABEL]: selector },
    replicaSet: '',
    createdAt: 0,
    deleting: false,
    sandboxAt: 0,
    ...rest,
  }
}

export function makeIdentity(fields: Partial<AzureIdentity> = {}): AzureIdentity {
  const name = fields.name ?? 'shop'
  return {
    ...object(fields.namespace ?? 'default', name),
    type: 0,
    resourceId: identityId(name),
    clientId: clientIdOf(name),
    tenantId: '',
    auxiliaryTenantIds: [],
    adResourceId: '',
    adEndpoint: '',
    namespaced: false,
    problems: [],
    ...fields,
  }
}

export function makeBinding(fields: Partial<AzureIdentityBinding> = {}): AzureIdentityBinding {
  return {
    ...object(fields.namespace ?? 'default', fields.name ?? 'shop-binding'),
    azureIdentity: 'shop',
    selector: 'shop',
    problems: [],
    ...fields,
  }
}

export function makeAssigned(fields: Partial<AzureAssignedIdentity> = {}): AzureAssignedIdentity {
  const identity = fields.identity ?? makeIdentity()
  const pod = fields.pod ?? 'shop-0'
  const podNamespace = fields.podNamespace ?? 'default'
  return {
    ...object(fields.namespace ?? 'default', fields.name ?? `${pod}-${podNamespace}-${identity.name}`),
    pod,
    podNamespace,
    nodeName: 'node-0',
    identity,
    binding: fields.binding ?? makeBinding({ azureIdentity: identity.name, namespace: identity.namespace }),
    state: 'Assigned',
    reason: '',
    message: '',
    deleting: false,
    finalizers: [],
    problems: [],
    ...fields,
  }
}

export function makeException(fields: Partial<AzurePodIdentityException> = {}): AzurePodIdentityException {
  return {
    ...object(fields.namespace ?? 'default', fields.name ?? 'exception'),
    podLabels: { app: 'mic' },
    ...fields,
  }
}
