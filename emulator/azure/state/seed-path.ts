import type { AzureState } from './azure-state.ts'
import { type ResourcePath, readResourcePath } from './resource-path.ts'

/** Reads a seed's resource id, and lists its subscription. @throws Error when it is of another type */
export function seedPath(state: AzureState, id: string, type: string): ResourcePath {
  const path = readResourcePath(id)
  if (path === undefined || path.type !== type) throw new Error(`'${id}' is not the id of a ${type}`)
  const key = path.subscription.toLowerCase()
  if (!state.subscriptions.has(key)) state.subscriptions.set(key, { id: path.subscription, name: 'Emulated' })
  return path
}
