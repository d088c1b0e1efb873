import * as v from 'valibot'
import { API_GROUP, API_VERSION, objectKey, PLURALS } from '../../model/names.ts'
import type { AzurePodIdentityException } from '../../model/resources.ts'
import { FieldReader } from '../field-reader.ts'
import { looseTexts, readMetadata } from '../object-meta.ts'
import type { ResourceSpec } from '../resource-spec.ts'

/**
 * An exception gives more access (the node's identity), so what is not plainly a label with a text
 * value is left out and covers no pod.
 */
export function azurePodIdentityExceptions(): ResourceSpec<AzurePodIdentityException> {
  return {
    name: PLURALS.AzurePodIdentityException,
    path: `/apis/${API_GROUP}/${API_VERSION}/${PLURALS.AzurePodIdentityException}`,
    keyOf: (exception) => objectKey(exception.namespace, exception.name),
    project(raw) {
      const meta = readMetadata(raw)
      if (meta === undefined) return undefined
      const spec = new FieldReader(new FieldReader(raw).raw('spec'))
      return {
        namespace: meta.namespace,
        name: meta.name,
        uid: meta.uid,
        resourceVersion: meta.resourceVersion,
        podLabels: v.parse(looseTexts, spec.raw('podLabels')),
      }
    },
  }
}
