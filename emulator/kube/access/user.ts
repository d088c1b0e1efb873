/** Who sends a request. */
export interface User {
  readonly name: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

export const MASTERS = 'system:masters'

export const ANONYMOUS: User = {
  name: 'system:anonymous',
  uid: '',
  groups: ['system:unauthenticated'],
  extra: {},
}

export function namedUser(name: string, groups: readonly string[]): User {
  return { name, uid: '', groups: [...groups, 'system:authenticated'], extra: {} }
}

export function serviceAccountName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`
}

export function serviceAccountUser(
  account: { readonly namespace: string; readonly name: string; readonly uid: string },
  extra: User['extra'],
): User {
  return {
    name: serviceAccountName(account.namespace, account.name),
    uid: account.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`, 'system:authenticated'],
    extra,
  }
}
