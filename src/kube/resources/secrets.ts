import * as v from 'valibot'
import { objectKey } from '../../model/names.ts'
import type { Secret } from '../../model/resources.ts'
import { looseTexts, readMetadata } from '../object-meta.ts'
import type { ResourceSpec } from '../resource-spec.ts'

const secretParts = v.object({ data: looseTexts })

/** Secrets with their values decoded. Read one by one or watched by name, never listed whole. */
export function secrets(): ResourceSpec<Secret> {
  return {
    name: 'secrets',
    path: '/api/v1/secrets',
    keyOf: (secret) => objectKey(secret.namespace, secret.name),
    project(raw) {
      const meta = readMetadata(raw)
      if (meta === undefined) return undefined
      const read = v.safeParse(secretParts, raw)
      const entries = Object.entries(read.success ? read.output.data : {})
      return {
        namespace: meta.namespace,
        name: meta.name,
        uid: meta.uid,
        resourceVersion: meta.resourceVersion,
        data: Object.fromEntries(entries.map(([key, text]) => [key, decode(text)])),
      }
    },
  }
}

/** A copy of its own: small Buffers share one slab, which would outlive the secret in memory. */
function decode(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}
