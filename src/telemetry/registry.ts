import { Registry } from 'prom-client'

export type { Registry } from 'prom-client'

/** One registry for each component: nothing is registered globally, so tests may build many. */
export function createRegistry(): Registry {
  return new Registry()
}
