import type { Clock } from '../../src/base/clock.ts'
import type { KubeObject } from './kube-object.ts'
import type { Registry } from './registry.ts'
import { BUILTIN_RESOURCES } from './resources/builtin-resources.ts'
import type { ResourceDefinition } from './resources/resource-definition.ts'
import type { Database } from './storage/database.ts'
import type { ObjectStore } from './storage/object-store.ts'

/** What every operation of the emulated server works on. */
export interface World {
  readonly clock: Clock
  readonly database: Database
  readonly registry: Registry
}

/** The wall clock as the API writes it: RFC 3339 in whole seconds. */
export function timestamp(clock: Clock, afterSeconds = 0): string {
  return `${new Date(clock.now() + afterSeconds * 1000).toISOString().slice(0, 19)}Z`
}

export function storeOf(world: World, definition: ResourceDefinition): ObjectStore {
  return world.database.store(definition)
}

/** The definition of a built-in resource. */
export function builtinResource(plural: string, group = ''): ResourceDefinition {
  const found = BUILTIN_RESOURCES.find((each) => each.plural === plural && each.group === group)
  if (found === undefined) throw new Error(`no built-in resource ${plural}.${group}`)
  return found
}

export function findObject(world: World, plural: string, key: string, group = ''): KubeObject | undefined {
  return world.database.store({ plural, group }).get(key)
}
