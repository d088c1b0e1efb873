import { createHash } from 'node:crypto'
import { trimEnd } from '../base/trim-end.ts'
import {
  ASSIGNED_IDENTITY_FINALIZER,
  BEHAVIOR_ANNOTATION,
  BEHAVIOR_NAMESPACED,
  DEFAULT_NAMESPACE,
  GROUP_VERSION,
  NODE_NAME_LABEL,
} from './names.ts'
import { canonicalResourceId, parseManagedIdentityId } from './resource-id.ts'
import type {
  AssignmentState,
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
} from './resources.ts'

/** The part of an AzureAssignedIdentity's status that podid writes. */
export interface AssignmentStatus {
  readonly state: AssignmentState
  /** Refusal code of a failed assignment, else empty. */
  readonly reason: string
  readonly message: string
}

/** An AzureAssignedIdentity as MIC wants it to be. */
export interface AssignedIdentityDraft {
  readonly namespace: string
  readonly name: string
  readonly pod: string
  readonly podNamespace: string
  readonly nodeName: string
  readonly identity: AzureIdentity
  readonly binding: AzureIdentityBinding
  readonly status: AssignmentStatus
}

/** Longest name of an object (DNS subdomain). */
const LONGEST_NAME = 253

/** `<pod>-<podNamespace>-<azureIdentityName>`, as AAD Pod Identity named them; cut and hashed when too long. */
export function assignedIdentityName(pod: string, podNamespace: string, identity: AzureIdentity): string {
  const plain = `${pod}-${podNamespace}-${identity.name}`
  return plain.length <= LONGEST_NAME ? plain : suffixedName(pod, podNamespace, identity)
}

/**
 * The name to take when the plain one is held by another pod or identity: the plain one with a hash of
 * what it stands for, so that it is the same after every restart.
 */
export function suffixedName(pod: string, podNamespace: string, identity: AzureIdentity): string {
  const meaning = [podNamespace, pod, identity.namespace, identity.name].join('/')
  const hash = createHash('sha256').update(meaning).digest('hex').slice(0, 10)
  const plain = `${pod}-${podNamespace}-${identity.name}`
  const room = LONGEST_NAME - hash.length - 1
  return `${trimEnd(plain.slice(0, room), '-.')}-${hash}`
}

/** Namespace of the object: the identity's own in namespaced mode, else always `default`. */
export function assignedIdentityNamespace(identity: AzureIdentity, forceNamespaced: boolean): string {
  return forceNamespaced || identity.namespaced ? identity.namespace : DEFAULT_NAMESPACE
}

/** Canonical ARM id of the identity that must be on the node; undefined for service principals and malformed ids. */
export function assignableId(identity: AzureIdentity): string | undefined {
  return identity.type === 0 ? parseManagedIdentityId(identity.resourceId)?.canonical : undefined
}

/**
 * True when both give a pod the same credential, whatever happened to metadata: a label or annotation on
 * the AzureIdentity is no reason to write thousands of objects again.
 */
function sameIdentity(a: AzureIdentity, b: AzureIdentity): boolean {
  return a === b || credentialOf(a) === credentialOf(b)
}

function credentialOf(identity: AzureIdentity): string {
  return JSON.stringify([
    identity.namespace,
    identity.name,
    identity.type,
    canonicalResourceId(identity.resourceId),
    identity.clientId.toLowerCase(),
    identity.clientPassword?.namespace ?? '',
    identity.clientPassword?.name ?? '',
    identity.tenantId,
    identity.auxiliaryTenantIds,
    identity.adResourceId,
    identity.adEndpoint,
    identity.namespaced,
  ])
}

function sameBinding(a: AzureIdentityBinding, b: AzureIdentityBinding): boolean {
  return (
    a.namespace === b.namespace &&
    a.name === b.name &&
    a.azureIdentity === b.azureIdentity &&
    a.selector === b.selector
  )
}

/** True when the stored object says what the draft says; the status is compared by nobody here. */
export function sameAssignment(
  object: AzureAssignedIdentity,
  draft: Omit<AssignedIdentityDraft, 'status'>,
): boolean {
  return (
    object.pod === draft.pod &&
    object.podNamespace === draft.podNamespace &&
    object.nodeName === draft.nodeName &&
    sameIdentity(object.identity, draft.identity) &&
    sameBinding(object.binding, draft.binding)
  )
}

/** The object as the API server gets it, field for field as AAD Pod Identity wrote it; the status beside. */
export function assignedIdentityManifest(draft: AssignedIdentityDraft): Record<string, unknown> {
  return {
    apiVersion: GROUP_VERSION,
    kind: 'AzureAssignedIdentity',
    metadata: {
      name: draft.name,
      namespace: draft.namespace,
      labels: { [NODE_NAME_LABEL]: draft.nodeName },
      finalizers: [ASSIGNED_IDENTITY_FINALIZER],
    },
    spec: {
      azureIdentityRef: identityManifest(draft.identity),
      azureBindingRef: bindingManifest(draft.binding),
      pod: draft.pod,
      podNamespace: draft.podNamespace,
      nodename: draft.nodeName,
    },
    status: statusManifest(draft.status),
  }
}

export function statusManifest(status: AssignmentStatus): Record<string, unknown> {
  return {
    status: status.state,
    availableReplicas: 1,
    reason: status.reason,
    message: status.message,
  }
}

function identityManifest(identity: AzureIdentity): Record<string, unknown> {
  const { clientPassword } = identity
  return {
    apiVersion: GROUP_VERSION,
    kind: 'AzureIdentity',
    metadata: {
      ...metadataOf(identity),
      ...(identity.namespaced ? { annotations: { [BEHAVIOR_ANNOTATION]: BEHAVIOR_NAMESPACED } } : {}),
    },
    spec: {
      type: identity.type,
      resourceID: identity.resourceId,
      clientID: identity.clientId,
      ...(clientPassword === undefined ? {} : { clientPassword }),
      tenantID: identity.tenantId,
      auxiliaryTenantIDs: [...identity.auxiliaryTenantIds],
      adResourceID: identity.adResourceId,
      adEndpoint: identity.adEndpoint,
    },
  }
}

function bindingManifest(binding: AzureIdentityBinding): Record<string, unknown> {
  return {
    apiVersion: GROUP_VERSION,
    kind: 'AzureIdentityBinding',
    metadata: metadataOf(binding),
    spec: { azureIdentity: binding.azureIdentity, selector: binding.selector },
  }
}

function metadataOf(object: AzureIdentity | AzureIdentityBinding): Record<string, unknown> {
  const { name, namespace, uid, resourceVersion } = object
  return { name, namespace, uid, resourceVersion }
}
