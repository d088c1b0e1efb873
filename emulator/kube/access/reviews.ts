import { badRequest } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { fieldsAt, isFields, textAt, textsAt } from '../json.ts'
import type { Authenticator } from './authenticator.ts'
import type { Attributes, Authorizer } from './authorizer.ts'
import type { User } from './user.ts'

export interface ReviewContext {
  readonly user: User
  readonly authorizer: Authorizer
  readonly authenticator: Authenticator
  /** Audience of tokens for the API server itself. */
  readonly audience: string
}

/** Answers one of the kinds that are asked and never stored. */
export function review(plural: string, body: Fields, context: ReviewContext): Fields {
  const spec = fieldsAt(body, 'spec')
  switch (plural) {
    case 'selfsubjectaccessreviews':
      return answered(body, accessStatus(context.user, spec, context))
    case 'subjectaccessreviews':
    case 'localsubjectaccessreviews':
      return answered(body, accessStatus(reviewedUser(spec), spec, context))
    case 'selfsubjectrulesreviews':
      return answered(body, rulesStatus(context, textAt(spec, 'namespace')))
    case 'selfsubjectreviews':
      return answered(body, { userInfo: userInfo(context.user) })
    default:
      return answered(body, tokenStatus(spec, context))
  }
}

function answered(body: Fields, status: Fields): Fields {
  const metadata = isFields(body['metadata']) ? body['metadata'] : { creationTimestamp: null }
  return { ...body, metadata, status }
}

function reviewedUser(spec: Readonly<Fields>): User {
  return { name: textAt(spec, 'user'), uid: textAt(spec, 'uid'), groups: textsAt(spec, 'groups'), extra: {} }
}

function accessStatus(user: User, spec: Readonly<Fields>, context: ReviewContext): Fields {
  const { allowed, reason } = context.authorizer.decide(user, attributesOf(spec))
  return { allowed, ...(reason === '' ? {} : { reason }) }
}

function attributesOf(spec: Readonly<Fields>): Attributes {
  const wanted = spec['resourceAttributes']
  const other = spec['nonResourceAttributes']
  if (!isFields(wanted) && !isFields(other)) {
    throw badRequest('exactly one of nonResourceAttributes or resourceAttributes must be specified')
  }
  return {
    verb: textAt(wanted ?? other, 'verb'),
    path: isFields(wanted) ? '' : textAt(other, 'path'),
    group: textAt(wanted, 'group'),
    resource: textAt(wanted, 'resource'),
    subresource: textAt(wanted, 'subresource'),
    namespace: textAt(wanted, 'namespace'),
    name: textAt(wanted, 'name'),
  }
}

function rulesStatus(context: ReviewContext, namespace: string): Fields {
  const rules = context.authorizer.rulesFor(context.user, namespace)
  return {
    resourceRules: rules.filter((each) => textsAt(each, 'resources').length > 0),
    nonResourceRules: rules.filter((each) => textsAt(each, 'nonResourceURLs').length > 0),
    incomplete: false,
  }
}

function userInfo(user: User): Fields {
  const extra = Object.keys(user.extra).length === 0 ? {} : { extra: user.extra }
  return { username: user.name, ...(user.uid === '' ? {} : { uid: user.uid }), groups: user.groups, ...extra }
}

function tokenStatus(spec: Readonly<Fields>, context: ReviewContext): Fields {
  const wanted = textsAt(spec, 'audiences')
  const audiences = wanted.length > 0 ? wanted : [context.audience]
  const user = context.authenticator.reviewToken(textAt(spec, 'token'), audiences)
  if (user === undefined) return { user: {}, error: 'invalid bearer token' }
  return { authenticated: true, user: userInfo(user), audiences }
}
