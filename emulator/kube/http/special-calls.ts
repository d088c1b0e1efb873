import type { ReviewContext } from '../access/reviews.ts'
import { review } from '../access/reviews.ts'
import type { TokenIssuer } from '../access/token-issuer.ts'
import { requestToken } from '../access/token-request.ts'
import { badRequest, conflict, methodNotAllowed, notFound, unexplained } from '../api-error.ts'
import { REVIEWS } from '../discovery/reviews.ts'
import type { Fields } from '../json.ts'
import { fieldsAt, listAt, textAt } from '../json.ts'
import type { World } from '../world.ts'
import { timestamp } from '../world.ts'
import { objectBody } from './body.ts'
import type { Answer, Call } from './call.ts'
import { jsonAnswer } from './call.ts'

export interface SpecialContext extends ReviewContext {
  readonly world: World
  readonly issuer: TokenIssuer
}

/**
 * Requests that are no plain reads or writes of an object: access reviews, service account tokens, pod
 * bindings, the end of a namespace. @returns undefined for everything else.
 */
export function specialCall(call: Call, context: SpecialContext): Answer | undefined {
  const { info } = call
  const asked = REVIEWS.find((each) => each.group === info.group && each.plural === info.plural)
  if (asked !== undefined && info.version === 'v1') {
    if (info.verb !== 'create') throw methodNotAllowed()
    const body = objectBody(call, asked.kind)
    return jsonAnswer(
      201,
      review(asked.plural, { ...body, kind: asked.kind, apiVersion: `${asked.group}/v1` }, context),
    )
  }
  if (info.group !== '' || info.version !== 'v1') return undefined
  switch (`${info.plural}/${info.subresource}`) {
    case 'serviceaccounts/token':
      requireCreate(call)
      return jsonAnswer(
        201,
        requestToken(context.world, context.issuer, info, objectBody(call, 'TokenRequest')),
      )
    case 'pods/binding':
      requireCreate(call)
      return bindPod(call, context.world)
    case 'namespaces/finalize':
      return finalizeNamespace(call, context.world)
    default:
      return undefined
  }
}

function requireCreate(call: Call): void {
  if (call.info.verb !== 'create') throw methodNotAllowed()
}

/** What a scheduler does: the pod gets its node, which an update of the pod may not give it. */
function bindPod(call: Call, world: World): Answer {
  const { namespace, name } = call.info
  const binding = objectBody(call, 'Binding')
  const node = textAt(binding, 'target', 'name')
  if (textAt(binding, 'metadata', 'name') !== name)
    throw badRequest('name in URL does not match name in Binding object')
  if (node === '') throw unexplained('target.name: Required value')
  const store = world.database.store({ plural: 'pods', group: '' })
  const pod = store.get(`${namespace}/${name}`)
  if (pod === undefined) throw notFound({ group: '', plural: 'pods' }, name)
  const bound = textAt(pod, 'spec', 'nodeName')
  if (bound !== '') {
    throw conflict(
      { group: '', plural: 'pods/binding' },
      name,
      `pod ${name} is already assigned to node "${bound}"`,
    )
  }
  const condition = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: timestamp(world.clock),
  }
  const conditions = listAt(pod, 'status', 'conditions').filter(
    (each) => textAt(each, 'type') !== 'PodScheduled',
  )
  store.put({
    ...pod,
    spec: { ...fieldsAt(pod, 'spec'), nodeName: node },
    status: { ...fieldsAt(pod, 'status'), conditions: [...conditions, condition] },
  })
  const status: Fields = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
  return jsonAnswer(201, status)
}

/** `PUT namespaces/<name>/finalize`: takes finalizers out of `spec`. */
function finalizeNamespace(call: Call, world: World): Answer {
  const { name } = call.info
  const store = world.database.store({ plural: 'namespaces', group: '' })
  const namespace = store.get(name)
  if (namespace === undefined) throw notFound({ group: '', plural: 'namespaces' }, name)
  if (call.info.verb !== 'update') throw methodNotAllowed()
  const wanted = objectBody(call, 'Namespace')
  const finalizers = listAt(wanted, 'spec', 'finalizers')
  const next = { ...namespace, spec: finalizers.length === 0 ? {} : { finalizers } }
  const ended = namespace.metadata.deletionTimestamp !== undefined && finalizers.length === 0
  const held = (namespace.metadata.finalizers ?? []).length > 0
  if (!ended || held) return jsonAnswer(200, store.put(next))
  store.remove(name)
  return jsonAnswer(200, next)
}
