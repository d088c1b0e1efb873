import { stringify } from 'yaml'
import { ApiError, methodNotAllowed, notFound } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { isFields, textAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import { keyOf } from '../kube-object.ts'
import { createObject } from '../operations/create.ts'
import { decodeObject } from '../operations/decode.ts'
import { deleteOptions } from '../operations/delete-options.ts'
import { checkPlace, foreignUid } from '../operations/object-place.ts'
import { patchObject } from '../operations/patch.ts'
import { removeObject } from '../operations/remove.ts'
import { updateObject } from '../operations/update.ts'
import type { WriteOptions } from '../operations/write-options.ts'
import { writeOptions } from '../operations/write-options.ts'
import { listObjects } from '../read/list.ts'
import { acceptedForm } from '../read/media-type.ts'
import { listText, objectText, presented } from '../read/presentation.ts'
import { includeObject, metadataOnly, tableOf } from '../read/table.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { selectorOf } from '../selectors.ts'
import type { World } from '../world.ts'
import { storeOf } from '../world.ts'
import { deleteBody, patchBody, readObject } from './body.ts'
import type { Answer, Call } from './call.ts'
import { jsonAnswer } from './call.ts'

/** Answers every verb but `watch` for one resource, or its status subresource. */
export function resourceCall(world: World, definition: ResourceDefinition, call: Call): Answer {
  const { verb } = call.info
  if (!fits(call)) throw methodNotAllowed()
  switch (verb) {
    case 'get':
      return get(world, definition, call)
    case 'list':
      return list(world, definition, call)
    case 'create':
      return create(world, definition, call)
    case 'update':
      return update(world, definition, call)
    case 'patch':
      return patch(world, definition, call)
    case 'delete':
      return remove(world, definition, call)
    case 'deletecollection':
      return removeCollection(world, definition, call)
    default:
      throw methodNotAllowed()
  }
}

/** Objects are created in their collection, and changed under their name. */
function fits({ info, method }: Call): boolean {
  if (info.verb === 'create') return info.name === ''
  if (info.verb === 'update' || info.verb === 'patch') return info.name !== ''
  return method !== 'HEAD'
}

/** Namespace objects are named in the path where others have their namespace. */
export function placeOf(definition: ResourceDefinition, call: Call): { namespace: string; name: string } {
  return { namespace: definition.namespaced ? call.info.namespace : '', name: call.info.name }
}

function answerWith(object: KubeObject, definition: ResourceDefinition, call: Call, sent: Sent): Answer {
  const { code, now } = sent
  const { form, yaml } = acceptedForm(call.accept, definition.custom)
  if (form === 'table') {
    const request = { definition, include: includeObject(call.info.query), now, headers: true }
    return jsonAnswer(code, tableOf([object], { resourceVersion: object.metadata.resourceVersion }, request))
  }
  if (form === 'metadata') return jsonAnswer(code, metadataOnly(object))
  if (form === 'metadata list') throw otherForm('PartialObjectMetadataList', 'is not a list', definition)
  if (yaml) {
    return { code, body: stringify(presented(object, definition)), contentType: 'application/yaml' }
  }
  return { code, body: `${objectText(object, definition)}\n`, contentType: 'application/json' }
}

/** Metadata of one object and of a list are two forms. */
function otherForm(form: string, but: string, { custom, kind, listKind }: ResourceDefinition): ApiError {
  const isList = form === 'PartialObjectMetadata'
  if (custom && !isList) return new ApiError(500, '', 'content is not a list')
  const type = custom ? 'unstructured.UnstructuredList' : `core.${isList ? listKind : kind}`
  return new ApiError(
    406,
    'NotAcceptable',
    `you requested ${form}, but the requested object ${but} (*${type})`,
  )
}

function get(world: World, definition: ResourceDefinition, call: Call): Answer {
  const place = placeOf(definition, call)
  const object = storeOf(world, definition).get(keyOf(place))
  if (object === undefined) throw notFound(definition, place.name)
  return answerWith(object, definition, call, sent(world, 200))
}

interface Sent {
  readonly code: number
  /** For ages in tables. */
  readonly now: number
}

function sent(world: World, code: number): Sent {
  return { code, now: world.clock.now() }
}

function list(world: World, definition: ResourceDefinition, call: Call): Answer {
  const { query } = call.info
  const { form } = acceptedForm(call.accept, definition.custom, true)
  const { items, metadata } = listObjects(world, definition, placeOf(definition, call).namespace, query)
  if (form === 'table') {
    const request = { definition, include: includeObject(query), now: world.clock.now(), headers: true }
    return jsonAnswer(200, tableOf(items, metadata, request))
  }
  if (form === 'metadata') throw otherForm('PartialObjectMetadata', 'is a list', definition)
  if (form === 'metadata list') {
    const partial = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata }
    return jsonAnswer(200, { ...partial, items: items.map(metadataOnly) })
  }
  return { code: 200, body: listText(items, definition, metadata), contentType: 'application/json' }
}

function optionsOf(call: Call, kind: string): WriteOptions {
  const { query, subresource } = call.info
  const warn = (text: string): unknown => call.warnings.push(text)
  return writeOptions(query, { kind, userAgent: call.userAgent, subresource, warn })
}

function create(world: World, definition: ResourceDefinition, call: Call): Answer {
  const options = optionsOf(call, 'CreateOptions')
  const { value, repeated } = readObject(call, definition.kind, definition.custom)
  const object = decodeObject(value, definition, { ...options, repeated })
  const { namespace } = placeOf(definition, call)
  const created = createObject(world, definition, object, { namespace, options })
  return answerWith(created, definition, call, sent(world, 201))
}

function update(world: World, definition: ResourceDefinition, call: Call): Answer {
  const options = optionsOf(call, 'UpdateOptions')
  const place = placeOf(definition, call)
  const { value, repeated } = readObject(call, definition.kind, definition.custom)
  const object = decodeObject(value, definition, { ...options, repeated })
  checkPlace(object, place)
  const known = storeOf(world, definition).get(keyOf(place))
  if (known === undefined && definition.createOnUpdate && options.subresource === '') {
    const uid = textAt(object.metadata, 'uid')
    if (uid !== '') {
      throw foreignUid(definition, place, { wanted: uid, found: '' })
    }
    const { resourceVersion: _, ...metadata } = object.metadata
    const fresh = { ...object, metadata: { ...metadata, name: place.name } as KubeObject['metadata'] }
    const created = createObject(world, definition, fresh, { namespace: place.namespace, options })
    return answerWith(created, definition, call, sent(world, 201))
  }
  const updated = updateObject(world, definition, { ...place, options, next: () => object })
  return answerWith(updated, definition, call, sent(world, 200))
}

function patch(world: World, definition: ResourceDefinition, call: Call): Answer {
  const options = optionsOf(call, 'PatchOptions')
  const { query } = call.info
  const { object, created } = patchObject(world, definition, {
    ...placeOf(definition, call),
    mediaType: call.contentType,
    patch: patchBody(call),
    force: query.get('force'),
    hasManager: (query.get('fieldManager') ?? '') !== '',
    options,
  })
  return answerWith(object, definition, call, sent(world, created ? 201 : 200))
}

function remove(world: World, definition: ResourceDefinition, call: Call): Answer {
  const options = deleteOptions(deleteBody(call), call.info.query)
  const { object, gone } = removeObject(world, definition, placeOf(definition, call), options)
  if (!gone || definition.returnsDeleted) {
    return answerWith(object, definition, call, sent(world, 200))
  }
  return jsonAnswer(200, success(definition, object))
}

function success(definition: ResourceDefinition, object: KubeObject): Fields {
  const { name, uid } = object.metadata
  const group = definition.group === '' ? {} : { group: definition.group }
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...group, kind: definition.plural, uid },
  }
}

function removeCollection(world: World, definition: ResourceDefinition, call: Call): Answer {
  const { query } = call.info
  const body = deleteBody(call)
  const options = deleteOptions(isFields(body) ? body : undefined, query)
  const { namespace } = placeOf(definition, call)
  const matches = selectorOf(query, definition)
  const store = storeOf(world, definition)
  const removed: KubeObject[] = []
  for (const key of store.keysFrom(namespace === '' ? '' : `${namespace}/`, '')) {
    const object = store.get(key)
    if (object === undefined || (matches !== undefined && !matches(object))) continue
    const { namespace: own = '', name } = object.metadata
    const { object: marked, gone } = removeObject(world, definition, { namespace: own, name }, options)
    // What is gone is shown as it was listed.
    removed.push(gone ? object : marked)
  }
  const metadata = { resourceVersion: String(world.database.versions.current) }
  return { code: 200, body: listText(removed, definition, metadata), contentType: 'application/json' }
}
