import { isApiStatus, KubeAnswerError } from './connection.ts'
import type { Query, Rest } from './rest.ts'
import { type ListPage, parseListPage } from './watch-event.ts'

/** Objects of one page. */
const PAGE_SIZE = 500

export interface ListTarget {
  readonly path: string
  /** Field and label selector. */
  readonly query: Query
}

export interface PageSink {
  /** A list begins, at first and again when its `continue` expired on the way. */
  begin(): void
  item(raw: unknown): void
}

/** Times that a list may expire on the way before the caller's backoff has its turn. */
const MOST_RESTARTS = 2

/**
 * Lists page by page, so that no answer is large, and returns the list's resource version.
 * @throws what Rest throws; KubeApiError 410 when the list expires again and again.
 */
export async function listInPages(
  rest: Rest,
  target: ListTarget,
  sink: PageSink,
  signal: AbortSignal,
): Promise<string> {
  for (let restarts = 0; ; restarts += 1) {
    sink.begin()
    try {
      return await allPages(rest, target, sink, signal)
    } catch (thrown) {
      if (!isApiStatus(thrown, 410) || restarts >= MOST_RESTARTS) throw thrown
    }
  }
}

async function allPages(
  rest: Rest,
  target: ListTarget,
  sink: PageSink,
  signal: AbortSignal,
): Promise<string> {
  let limit = PAGE_SIZE
  let token = ''
  for (;;) {
    const page = await onePage(rest, target, { limit, token }, signal)
    if (page === 'too large') {
      limit = Math.max(1, Math.floor(limit / 4))
      continue
    }
    for (const item of page.items) sink.item(item)
    if (page.continueToken === '') return page.resourceVersion
    token = page.continueToken
  }
}

async function onePage(
  rest: Rest,
  target: ListTarget,
  position: { limit: number; token: string },
  signal: AbortSignal,
): Promise<ListPage | 'too large'> {
  const { limit, token } = position
  const query = { ...target.query, limit, continue: token === '' ? undefined : token }
  try {
    return parseListPage(await rest.getJson(target.path, { query, signal }), `GET ${target.path}`)
  } catch (thrown) {
    if (thrown instanceof KubeAnswerError && thrown.tooLarge && limit > 1) return 'too large'
    throw thrown
  }
}
