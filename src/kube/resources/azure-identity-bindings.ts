import { API_GROUP, API_VERSION, objectKey, PLURALS } from '../../model/names.ts'
import type { AzureIdentityBinding } from '../../model/resources.ts'
import { FieldReader } from '../field-reader.ts'
import { type ObjectMeta, readMetadata } from '../object-meta.ts'
import type { ResourceSpec } from '../resource-spec.ts'

export function azureIdentityBindings(): ResourceSpec<AzureIdentityBinding> {
  return {
    name: PLURALS.AzureIdentityBinding,
    path: `/apis/${API_GROUP}/${API_VERSION}/${PLURALS.AzureIdentityBinding}`,
    keyOf: (binding) => objectKey(binding.namespace, binding.name),
    project(raw) {
      const meta = readMetadata(raw)
      return meta === undefined ? undefined : projectBinding(meta, raw)
    },
  }
}

/** The binding with its problems; also used for the copy inside an AzureAssignedIdentity. */
export function projectBinding(
  meta: Pick<ObjectMeta, 'namespace' | 'name' | 'uid' | 'resourceVersion'>,
  raw: unknown,
): AzureIdentityBinding {
  const spec = new FieldReader(new FieldReader(raw).raw('spec'))
  return {
    namespace: meta.namespace,
    name: meta.name,
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
    azureIdentity: spec.requiredText('azureIdentity'),
    selector: spec.requiredText('selector'),
    problems: spec.problems,
  }
}
