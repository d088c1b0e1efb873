import {
  API_GROUP,
  API_VERSION,
  BEHAVIOR_ANNOTATION,
  BEHAVIOR_NAMESPACED,
  objectKey,
  PLURALS,
} from '../../model/names.ts'
import { parseManagedIdentityId } from '../../model/resource-id.ts'
import type { AzureIdentity, IdentityType, SecretReference } from '../../model/resources.ts'
import { FieldReader, quoted } from '../field-reader.ts'
import { type ObjectMeta, readMetadata } from '../object-meta.ts'
import type { ResourceSpec } from '../resource-spec.ts'

export function azureIdentities(): ResourceSpec<AzureIdentity> {
  return {
    name: PLURALS.AzureIdentity,
    path: `/apis/${API_GROUP}/${API_VERSION}/${PLURALS.AzureIdentity}`,
    keyOf: (identity) => objectKey(identity.namespace, identity.name),
    project(raw) {
      const meta = readMetadata(raw)
      return meta === undefined ? undefined : projectIdentity(meta, raw)
    },
  }
}

/** The identity with its problems; also used for the copy inside an AzureAssignedIdentity. */
export function projectIdentity(
  meta: Pick<ObjectMeta, 'namespace' | 'name' | 'uid' | 'resourceVersion' | 'annotations'>,
  raw: unknown,
): AzureIdentity {
  const spec = new FieldReader(new FieldReader(raw).raw('spec'))
  const type = readType(spec)
  const clientPassword = readClientPassword(spec, type, meta.namespace)
  return {
    namespace: meta.namespace,
    name: meta.name,
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
    type,
    resourceId: readResourceId(spec, type),
    clientId: readClientId(spec),
    ...(clientPassword === undefined ? {} : { clientPassword }),
    tenantId: readTenantId(spec, type),
    auxiliaryTenantIds: readAuxiliaryTenants(spec),
    adResourceId: spec.text('adResourceID'),
    adEndpoint: readEndpoint(spec),
    namespaced: meta.annotations[BEHAVIOR_ANNOTATION] === BEHAVIOR_NAMESPACED,
    problems: spec.problems,
  }
}

/** A missing type is 0: the field was a Go number whose zero value was left out. */
function readType(spec: FieldReader): IdentityType {
  const value = spec.raw('type')
  if (value === undefined) return 0
  if (value === 0 || value === 1 || value === 2) return value
  const written =
    typeof value === 'number' ? String(value) : `of another kind (${quoted(JSON.stringify(value))})`
  spec.problem(
    'type',
    `must be 0 (user-assigned identity), 1 (service principal) or 2 (service principal with certificate), is ${written}`,
  )
  return 0
}

function readResourceId(spec: FieldReader, type: IdentityType): string {
  if (type !== 0) return spec.text('resourceID')
  const text = spec.requiredText('resourceID')
  if (text.trim() !== '' && parseManagedIdentityId(text) === undefined) {
    spec.problem(
      'resourceID',
      'must be /subscriptions/<id>/resourceGroups/<group>/providers/' +
        `Microsoft.ManagedIdentity/userAssignedIdentities/<name>, is ${quoted(text)}`,
    )
  }
  return text
}

const GUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i

function readClientId(spec: FieldReader): string {
  const text = spec.requiredText('clientID').trim()
  if (text !== '' && !GUID.test(text)) {
    spec.problem(
      'clientID',
      `must be a client id like 11111111-2222-3333-4444-555555555555, is ${quoted(text)}`,
    )
  }
  return text
}

/** A reference without a namespace means the identity's own. */
function readClientPassword(
  spec: FieldReader,
  type: IdentityType,
  namespace: string,
): SecretReference | undefined {
  const before = spec.problems.length
  const reference = spec.object('clientPassword')
  const name = reference?.text('name') ?? ''
  const written = reference?.text('namespace') ?? ''
  if (name !== '') return { namespace: written === '' ? namespace : written, name }
  if (type !== 0 && spec.problems.length === before) {
    spec.problem('clientPassword', 'is missing: name the Secret of the service principal')
  }
  return undefined
}

/** A tenant is a GUID or a domain; it becomes part of a URL. */
const TENANT = /^[\da-z][\da-z.-]*$/i

function readTenantId(spec: FieldReader, type: IdentityType): string {
  const text = (type === 0 ? spec.text('tenantID') : spec.requiredText('tenantID')).trim()
  if (text !== '' && !TENANT.test(text)) {
    spec.problem('tenantID', `must be a tenant's id or domain, is ${quoted(text)}`)
  }
  return text
}

/** Each is one more token to get for each request. ARM itself takes three. */
const MOST_TENANTS = 32

function readAuxiliaryTenants(spec: FieldReader): readonly string[] {
  const tenants = spec.texts('auxiliaryTenantIDs')
  if (tenants.length <= MOST_TENANTS) return tenants
  spec.problem('auxiliaryTenantIDs', `holds ${tenants.length} tenants; at most ${MOST_TENANTS} are used`)
  return tenants.slice(0, MOST_TENANTS)
}

const LONGEST_ENDPOINT = 512

function readEndpoint(spec: FieldReader): string {
  const text = spec
    .text('adEndpoint')
    .trim()
    .slice(0, LONGEST_ENDPOINT + 1)
  if (text.length > LONGEST_ENDPOINT) {
    spec.problem('adEndpoint', `is longer than ${LONGEST_ENDPOINT} characters: ${quoted(text)}`)
  } else if (text !== '' && URL.parse(text)?.protocol !== 'https:') {
    spec.problem('adEndpoint', `must be an https address, is ${quoted(text)}`)
  }
  return text
}
