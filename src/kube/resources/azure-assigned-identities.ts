import { API_GROUP, API_VERSION, objectKey, PLURALS } from '../../model/names.ts'
import type {
  AssignmentState,
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
} from '../../model/resources.ts'
import { FieldReader, quoted } from '../field-reader.ts'
import { createInterner } from '../intern.ts'
import { readMetadata } from '../object-meta.ts'
import type { ResourceSpec } from '../resource-spec.ts'
import { projectIdentity } from './azure-identities.ts'
import { projectBinding } from './azure-identity-bindings.ts'

export function azureAssignedIdentities(): ResourceSpec<AzureAssignedIdentity> {
  const intern = createInterner()
  return {
    name: PLURALS.AzureAssignedIdentity,
    path: `/apis/${API_GROUP}/${API_VERSION}/${PLURALS.AzureAssignedIdentity}`,
    keyOf: (assigned) => objectKey(assigned.namespace, assigned.name),
    project(raw) {
      const meta = readMetadata(raw)
      if (meta === undefined) return undefined
      const object = new FieldReader(raw)
      const spec = new FieldReader(object.raw('spec'), '', object.problems)
      const status = object.object('status')
      return {
        namespace: intern(meta.namespace),
        name: meta.name,
        uid: meta.uid,
        resourceVersion: meta.resourceVersion,
        pod: spec.requiredText('pod'),
        podNamespace: intern(spec.requiredText('podNamespace')),
        nodeName: intern(spec.requiredText('nodename')),
        identity: embeddedIdentity(spec),
        binding: embeddedBinding(spec),
        state: readState(object, status),
        reason: intern(status?.text('reason') ?? ''),
        message: intern(status?.text('message') ?? ''),
        deleting: meta.deletionTimestamp !== '',
        finalizers: meta.finalizers.map(intern),
        problems: object.problems,
      }
    },
  }
}

const UNNAMED = { namespace: '', name: '', uid: '', resourceVersion: '', annotations: {} } as const

function embeddedIdentity(spec: FieldReader): AzureIdentity {
  const raw = embedded(spec, 'azureIdentityRef')
  return projectIdentity(readMetadata(raw) ?? UNNAMED, raw)
}

function embeddedBinding(spec: FieldReader): AzureIdentityBinding {
  const raw = embedded(spec, 'azureBindingRef')
  return projectBinding(readMetadata(raw) ?? UNNAMED, raw)
}

function embedded(spec: FieldReader, field: string): unknown {
  const reader = spec.object(field)
  const raw = spec.raw(field)
  if (raw === undefined) spec.problem(field, 'is missing')
  if (reader !== undefined && readMetadata(raw) === undefined)
    spec.problem(`${field}.metadata.name`, 'is missing')
  return raw
}

const STATES: ReadonlySet<string> = new Set<AssignmentState>(['Created', 'Assigned', 'Unassigned', ''])

/**
 * Empty means assigned (old releases wrote no status), so anything unknown must not read as empty: it
 * becomes `Created`, which gives no token and is taken up by MIC again.
 */
function readState(object: FieldReader, status: FieldReader | undefined): AssignmentState {
  if (status === undefined) return object.raw('status') === undefined ? '' : 'Created'
  const value = status.raw('status') ?? ''
  if (typeof value === 'string' && STATES.has(value)) return value as AssignmentState
  status.problem('status', `must be Created, Assigned or Unassigned, is ${quoted(JSON.stringify(value))}`)
  return 'Created'
}
