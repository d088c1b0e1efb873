import type { Exchange, Reply } from './exchange.ts'

/** A request that matched a route, with the path's variable parts. */
export interface Call extends Exchange {
  /** The part of the path called `name` in the route's template. */
  param(name: string): string
}

export interface Route {
  /** What counters and faults call it: `arm.vm.patch`. */
  readonly name: string
  readonly method: string
  /** `/subscriptions/{subscription}/...`; literal segments are compared without case. */
  readonly path: string
  handle(call: Call): Reply | Promise<Reply>
}

export type Match =
  | { readonly kind: 'route'; readonly route: Route; readonly params: ReadonlyMap<string, string> }
  | { readonly kind: 'other-method'; readonly allowed: readonly string[] }
  | { readonly kind: 'none' }

/** The route for a method and decoded path segments. Earlier routes win. */
export function matchRoute(routes: readonly Route[], method: string, segments: readonly string[]): Match {
  const allowed: string[] = []
  for (const route of routes) {
    const params = matchPath(route.path, segments)
    if (params === undefined) continue
    if (route.method === method) return { kind: 'route', route, params }
    allowed.push(route.method)
  }
  return allowed.length > 0 ? { kind: 'other-method', allowed } : { kind: 'none' }
}

function matchPath(template: string, segments: readonly string[]): Map<string, string> | undefined {
  const wanted = template.split('/').filter(Boolean)
  if (wanted.length !== segments.length) return undefined
  const params = new Map<string, string>()
  for (const [position, want] of wanted.entries()) {
    const got = segments[position] ?? ''
    if (want.startsWith('{')) params.set(want.slice(1, -1), got)
    else if (want.toLowerCase() !== got.toLowerCase()) return undefined
  }
  return params
}

export function callOf(exchange: Exchange, params: ReadonlyMap<string, string>): Call {
  return {
    ...exchange,
    param(name) {
      const value = params.get(name)
      if (value === undefined) throw new Error(`the route has no part {${name}}`)
      return value
    },
  }
}
