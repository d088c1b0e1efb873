import { Owner } from '../../../src/base/lifecycle.ts'
import type { World } from '../world.ts'
import { establishDefinitions } from './crd-controller.ts'
import { collectGarbage } from './garbage-collector.ts'
import type { Later } from './later.ts'
import { emptyNamespaces } from './namespace-controller.ts'
import { furnishNamespaces } from './namespace-furnisher.ts'

/** Starts everything that a cluster's controllers do by themselves. */
export function startControllers(world: World, options: { readonly caPem: string }): Owner {
  const owner = new Owner()
  const later = queued(owner)
  owner.own(establishDefinitions(world, later))
  owner.own(furnishNamespaces(world, options.caPem))
  owner.own(emptyNamespaces(world, later))
  owner.own(collectGarbage(world, later))
  return owner
}

/** A queue that is emptied in the next turn of the event loop, and forgotten when its owner closes. */
function queued(owner: Owner): Later {
  const queue: (() => void)[] = []
  let handle: NodeJS.Immediate | undefined
  owner.own(() => clearImmediate(handle))
  const run = (): void => {
    handle = undefined
    for (const work of queue.splice(0)) work()
  }
  return (work) => {
    queue.push(work)
    handle ??= setImmediate(run)
  }
}
