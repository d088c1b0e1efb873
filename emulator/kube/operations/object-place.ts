import { type ApiError, badRequest, conflict } from '../api-error.ts'
import { textAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import { keyOf } from '../kube-object.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'

interface Place {
  readonly namespace: string
  readonly name: string
}

/** @throws ApiError 400 when the object names another place than the request. */
export function checkPlace(object: KubeObject, place: Place): void {
  const name = textAt(object.metadata, 'name')
  const namespace = textAt(object.metadata, 'namespace')
  if (name === '') {
    throw badRequest(
      `the name of the object (${place.name} based on URL) was undeterminable: name must be provided`,
    )
  }
  if (name !== place.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${place.name})`)
  }
  if (namespace !== '' && namespace !== place.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
}

/** 409 for a write that names another object's uid. */
export function foreignUid(
  definition: ResourceDefinition,
  place: Place,
  uids: { readonly wanted: string; readonly found: string },
): ApiError {
  const folder = definition.custom ? `${definition.group}/` : ''
  const key = `/registry/${folder}${definition.plural}/${keyOf(place)}`
  return conflict(
    definition,
    place.name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uids.wanted}, UID in object meta: ${uids.found}`,
  )
}
