import { badRequest, conflict, invalid, notFound } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { fieldsAt, isFields, textAt, textsAt, valueAt } from '../json.ts'
import { builtinSchema } from '../schemas/builtin-schemas.ts'
import { decodeBuiltin } from '../validation/decode-builtin.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { invalidValue } from '../validation/field-problem.ts'
import type { World } from '../world.ts'
import { findObject, timestamp } from '../world.ts'
import type { TokenIssuer, TokenRequest } from './token-issuer.ts'

const LEAST_SECONDS = 600
const MOST_SECONDS = 2 ** 32
const HOUR = 3600

const PLURALS: Readonly<Record<string, string>> = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' }

/**
 * `serviceaccounts/<name>/token`: issues a token.
 * @throws ApiError 404 for an unknown account or bound object, 409 when its uid differs, 422 for bad values.
 */
export function requestToken(
  world: World,
  issuer: TokenIssuer,
  key: { readonly namespace: string; readonly name: string },
  body: Fields,
): Fields {
  const account = findObject(world, 'serviceaccounts', `${key.namespace}/${key.name}`)
  if (account === undefined) throw notFound({ group: '', plural: 'serviceaccounts' }, key.name)
  const decoded = decodeBuiltin(body, builtinSchema('TokenRequest'), 'TokenRequest')
  if (decoded.mismatch !== undefined) {
    throw badRequest(`TokenRequest in version "v1" cannot be handled as a TokenRequest: ${decoded.mismatch}`)
  }
  const given = fieldsAt(decoded.value, 'spec')
  const asked = valueAt(given, 'expirationSeconds')
  const seconds = typeof asked === 'number' ? asked : HOUR
  checkSeconds(seconds)
  const audiences = textsAt(given, 'audiences').length > 0 ? textsAt(given, 'audiences') : [issuer.issuer]
  const reference = valueAt(given, 'boundObjectRef')
  const request: TokenRequest = {
    account: { ...key, uid: account.metadata.uid },
    audiences,
    seconds,
    ...(isFields(reference) ? boundTo(world, key, reference) : {}),
  }
  const { token } = issuer.issue(request)
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: key.name, namespace: key.namespace, creationTimestamp: timestamp(world.clock) },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: reference ?? null },
    status: { token, expirationTimestamp: timestamp(world.clock, seconds) },
  }
}

function checkSeconds(seconds: number): void {
  const field = 'spec.expirationSeconds'
  const problems: FieldProblem[] = []
  if (seconds < LEAST_SECONDS)
    problems.push(invalidValue(field, seconds, 'may not specify a duration less than 10 minutes'))
  if (seconds > MOST_SECONDS)
    problems.push(invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds'))
  if (problems.length > 0)
    throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', problems)
}

function boundTo(
  world: World,
  account: { readonly namespace: string; readonly name: string },
  reference: Fields,
): Pick<TokenRequest, 'bound' | 'node'> {
  const kind = textAt(reference, 'kind')
  const name = textAt(reference, 'name')
  const plural = PLURALS[kind]
  if (plural === undefined) {
    const version = textAt(reference, 'apiVersion')
    const full = version.includes('/') ? version : `/${version}`
    throw badRequest(`cannot bind token to object of type ${full}, Kind=${kind}`)
  }
  if (name === '') throw badRequest('Name parameter required.')
  const key = kind === 'Node' ? name : `${account.namespace}/${name}`
  const object = findObject(world, plural, key)
  if (object === undefined) throw notFound({ group: '', plural }, name)
  const uid = textAt(reference, 'uid')
  if (uid !== '' && uid !== object.metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`
    throw conflict({ group: '', plural: kind }, name, why)
  }
  const bound = { kind: kind.toLowerCase(), name, uid: object.metadata.uid }
  const nodeName = textAt(object, 'spec', 'nodeName')
  if (kind !== 'Pod' || nodeName === '') return { bound }
  const node = findObject(world, 'nodes', nodeName)
  return { bound, node: { name: nodeName, ...(node === undefined ? {} : { uid: node.metadata.uid }) } }
}
