/** ARM resource ids and node provider ids, compared without case (ARM itself ignores it). */

const MANAGED_IDENTITY =
  /^\/subscriptions\/([^/]+)\/resourcegroups\/([^/]+)\/providers\/microsoft\.managedidentity\/userassignedidentities\/([^/]+)$/

/** Control characters, blanks, and what has a meaning in a URL or a path never stand in an ARM id. */
const FORBIDDEN = /[\p{Cc}\s?#%\\"'<>]/u

export interface ManagedIdentityId {
  /** Lower-case; what is compared and what is sent to ARM. */
  readonly canonical: string
  readonly subscription: string
  readonly resourceGroup: string
  readonly name: string
}

/** Parts of a user-assigned identity's id in any spelling (case, doubled or trailing slashes); undefined if it is none. */
export function parseManagedIdentityId(text: string): ManagedIdentityId | undefined {
  if (text.length > 1024 || FORBIDDEN.test(text.trim())) return undefined
  const canonical = canonicalResourceId(text)
  const match = MANAGED_IDENTITY.exec(canonical)
  const [, subscription, resourceGroup, name] = match ?? []
  if (subscription === undefined || resourceGroup === undefined || name === undefined) return undefined
  return { canonical, subscription, resourceGroup, name }
}

/** Lower-case, one leading slash, no trailing or doubled ones: equal ids give equal strings. */
export function canonicalResourceId(text: string): string {
  return `/${text.trim().toLowerCase().split('/').filter(Boolean).join('/')}`
}

/** A VM or a uniform scale set: what identities are assigned to. */
export interface ComputeGroup {
  readonly kind: 'vm' | 'vmss'
  /** Canonical ARM id; the key of MIC's queue. */
  readonly id: string
  readonly subscription: string
  readonly resourceGroup: string
  readonly name: string
}

export interface ProviderId {
  readonly group: ComputeGroup
  /** Instance number in a uniform scale set, else empty. */
  readonly instance: string
}

const VMSS_INSTANCE =
  /^\/subscriptions\/([^/]+)\/resourcegroups\/([^/]+)\/providers\/microsoft\.compute\/virtualmachinescalesets\/([^/]+)\/virtualmachines\/([^/]+)$/
const VM =
  /^\/subscriptions\/([^/]+)\/resourcegroups\/([^/]+)\/providers\/microsoft\.compute\/virtualmachines\/([^/]+)$/

/**
 * Reads a node's `spec.providerID`: `azure:///subscriptions/.../virtualMachineScaleSets/<set>/virtualMachines/<n>`
 * (uniform scale set) or `.../virtualMachines/<name>` (VM, or an instance of a flexible scale set, which
 * ARM treats as a VM). Any case; undefined when it is neither.
 */
export function parseProviderId(text: string): ProviderId | undefined {
  if (!/^azure:\/\//i.test(text.trim()) || FORBIDDEN.test(text.trim())) return undefined
  const path = canonicalResourceId(text.trim().slice('azure://'.length))
  const instance = VMSS_INSTANCE.exec(path)
  if (instance !== null)
    return providerId('vmss', instance, path.slice(0, path.lastIndexOf('/virtualmachines/')))
  const vm = VM.exec(path)
  return vm === null ? undefined : providerId('vm', vm, path)
}

function providerId(kind: 'vm' | 'vmss', match: RegExpExecArray, id: string): ProviderId | undefined {
  const [, subscription, resourceGroup, name, instance] = match
  if (subscription === undefined || resourceGroup === undefined || name === undefined) return undefined
  return { group: { kind, id, subscription, resourceGroup, name }, instance: instance ?? '' }
}
