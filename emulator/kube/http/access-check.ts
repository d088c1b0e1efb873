import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Authenticator } from '../access/authenticator.ts'
import type { Attributes, Authorizer } from '../access/authorizer.ts'
import { refusalText } from '../access/authorizer.ts'
import type { User } from '../access/user.ts'
import { namedUser, serviceAccountUser } from '../access/user.ts'
import { ApiError, forbidden } from '../api-error.ts'
import type { RequestInfo } from '../request-info.ts'

function attributesOf(info: RequestInfo): Attributes {
  return {
    verb: info.verb,
    path: info.isResource ? '' : info.path,
    group: info.group,
    resource: info.plural,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
  }
}

/** @throws ApiError 403 in the words of a real server. */
export function authorize(authorizer: Authorizer, user: User, info: RequestInfo): void {
  const attributes = attributesOf(info)
  const { allowed, reason } = authorizer.decide(user, attributes)
  if (!allowed) throw refusal(user, attributes, reason)
}

function refusal(user: User, attributes: Attributes, reason: string): ApiError {
  const text = refusalText(user, attributes, reason)
  if (attributes.path !== '') return new ApiError(403, 'Forbidden', `forbidden: ${text}`, {})
  return forbidden({ group: attributes.group, plural: attributes.resource }, attributes.name, text)
}

/**
 * Who the request counts as: the sender, or with `Impersonate-User` someone else, if the sender may.
 * @throws ApiError 401 for bad credentials, 403 when impersonation is not allowed.
 */
export function requestUser(
  request: IncomingMessage,
  access: { readonly authenticator: Authenticator; readonly authorizer: Authorizer },
): User {
  const user = access.authenticator.authenticate(request.headers.authorization, request.socket as TLSSocket)
  if (user === undefined) throw new ApiError(401, 'Unauthorized', 'Unauthorized')
  const wanted = request.headers['impersonate-user']
  if (typeof wanted !== 'string') return user
  const groups = [request.headers['impersonate-group'] ?? []].flat().flatMap((each) => each.split(', '))
  const account = accountOf(wanted)
  const asked = [
    account === undefined
      ? about('users', '', wanted)
      : about('serviceaccounts', account.namespace, account.name),
    ...groups.map((each) => about('groups', '', each)),
  ]
  for (const attributes of asked) {
    const { allowed, reason } = access.authorizer.decide(user, attributes)
    if (!allowed) throw refusal(user, attributes, reason)
  }
  return account === undefined ? namedUser(wanted, groups) : serviceAccountUser({ ...account, uid: '' }, {})
}

function accountOf(name: string): { readonly namespace: string; readonly name: string } | undefined {
  const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name)
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { namespace: match[1], name: match[2] }
}

function about(resource: string, namespace: string, name: string): Attributes {
  return { verb: 'impersonate', path: '', group: '', resource, subresource: '', namespace, name }
}
