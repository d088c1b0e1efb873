/** ARM resource ids, read independently of the product's own reading. */

export interface ResourcePath {
  /** Lower-case id: equal resources have equal ones. */
  readonly key: string
  readonly subscription: string
  readonly group: string
  /** `microsoft.compute/virtualmachinescalesets/virtualmachines`, lower-case. */
  readonly type: string
  /** Names for each part of the type. */
  readonly names: readonly string[]
}

export const VM_TYPE = 'microsoft.compute/virtualmachines'
export const VMSS_TYPE = 'microsoft.compute/virtualmachinescalesets'
export const IDENTITY_TYPE = 'microsoft.managedidentity/userassignedidentities'

/** Takes `/subscriptions/{s}/resourceGroups/{g}/providers/{ns}/{type}/{name}[/{type}/{name}...]` apart; undefined for any other text. */
export function readResourcePath(id: string): ResourcePath | undefined {
  const parts = id.split('/')
  const [first, subscriptions, subscription, groups, group, providers, namespace, ...rest] = parts
  if (first !== '' || subscription === undefined || group === undefined || namespace === undefined)
    return undefined
  const words = `${subscriptions}/${groups}/${providers}`.toLowerCase()
  if (words !== 'subscriptions/resourcegroups/providers') return undefined
  if (rest.length < 2 || rest.length % 2 !== 0 || parts.slice(1).includes('')) return undefined
  const types = rest.filter((_, position) => position % 2 === 0)
  return {
    key: id.toLowerCase(),
    subscription,
    group,
    type: [namespace, ...types].join('/').toLowerCase(),
    names: rest.filter((_, position) => position % 2 === 1),
  }
}

/** The id as Azure prints it for a group and a typed name. */
export function resourceId(subscription: string, group: string, typeAndName: string): string {
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/${typeAndName}`
}
