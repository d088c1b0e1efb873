import { isDeepStrictEqual } from 'node:util'
import { type Document, stringify } from 'yaml'

/** Lists of a DaemonSet that the provider adds to, as paths of a JSON patch. */
const LISTS = ['containers/0/args', 'containers/0/volumeMounts', 'volumes'].map((each) => [
  'spec',
  'template',
  'spec',
  ...each.split('/'),
])

/**
 * A JSON patch that makes the one agent of `plain` what the one of `wanted` is: what their lists differ by. @throws Error
 * when there are not two agents, or when they differ by more.
 */
export function keyVaultPatch(plain: readonly Document[], wanted: readonly Document[]): string {
  const [from] = plain
  const [to] = wanted
  if (from === undefined || to === undefined) throw new Error('the chart gives no node agent')
  const [before, after] = [from.toJS() as unknown, to.toJS() as unknown]
  const added = LISTS.flatMap((path) => {
    const there = listAt(before, path)
    return listAt(after, path)
      .filter((item) => !there.some((each) => isDeepStrictEqual(each, item)))
      .map((value) => ({ op: 'add', path: `/${path.join('/')}/-`, value }))
  })
  for (const path of LISTS) {
    listAt(before, path).length = 0
    listAt(after, path).length = 0
  }
  if (!isDeepStrictEqual(before, after)) throw new Error('the provider changes more of the agent than lists')
  return stringify(added, { lineWidth: 0 })
}

function listAt(object: unknown, path: readonly string[]): unknown[] {
  let at = object
  for (const key of path) at = (at as Readonly<Record<string, unknown>> | undefined)?.[key]
  if (!Array.isArray(at)) throw new Error(`the agent has no list ${path.join('.')}`)
  return at as unknown[]
}
