import type { Reply } from '../http/exchange.ts'
import type { Call } from '../http/router.ts'

/** One page of a list: `maxresults` items (25 unless told), then a link to the next page. */
export function pageOf(call: Call, items: readonly unknown[], pageSize: number): Reply {
  const asked = Number(call.query.get('maxresults') ?? pageSize)
  const size = Number.isInteger(asked) && asked >= 1 ? Math.min(asked, pageSize) : pageSize
  const from = Math.max(0, Number(call.query.get('$skiptoken') ?? 0) || 0)
  const more = from + size < items.length
  const query = new URLSearchParams([
    ['api-version', call.query.get('api-version') ?? ''],
    ['$skiptoken', String(from + size)],
    ['maxresults', String(size)],
  ])
  const nextLink = `https://${call.host}/${call.segments.map(encodeURIComponent).join('/')}?${query.toString()}`
  return { status: 200, body: { value: items.slice(from, from + size), nextLink: more ? nextLink : null } }
}
