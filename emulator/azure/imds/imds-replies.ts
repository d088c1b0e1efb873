import type { Reply } from '../http/exchange.ts'

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }

/** The documents that IMDS answers when it refuses. */
export const imdsReplies = {
  invalid: (description: string): Reply => ({
    status: 400,
    headers: JSON_TYPE,
    body: { error: 'invalid_request', error_description: description },
  }),
  noHeader: (): Reply => imdsReplies.invalid('Required metadata header not specified'),
  forwarded: (): Reply => imdsReplies.invalid('Requests with X-Forwarded-For headers are not supported.'),
  notFound: (identity: boolean): Reply => ({
    status: 404,
    headers: JSON_TYPE,
    body: { error: identity ? 'Not Found' : 'Not found' },
  }),
  method: (): Reply => ({ status: 405, headers: JSON_TYPE, body: { error: 'Method not allowed' } }),
  apiVersion: (): Reply => ({
    status: 400,
    headers: JSON_TYPE,
    body: {
      error:
        'Bad request. api-version is invalid or was not specified in the request. For more information refer to aka.ms/azureimds',
      'newest-versions': ['2025-04-07', '2024-07-17', '2024-03-15'],
    },
  }),
  duplicate: (name: string): Reply => ({
    status: 400,
    headers: JSON_TYPE,
    body: { error: `Bad request. Duplicate query parameter '${name}'.` },
  }),
  throttled: (identity: boolean): Reply => ({
    status: 429,
    headers: JSON_TYPE,
    body: identity
      ? { error: 'invalid_request', error_description: 'Temporarily throttled, too many requests' }
      : { error: 'Too many requests' },
  }),
} as const
