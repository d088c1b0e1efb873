import { textsAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { metadataProblems, metadataUpdateProblems } from '../validation/metadata-rules.ts'
import { customProblems } from '../validation/validate-custom.ts'
import type { WriteOptions } from './write-options.ts'

/** Everything wrong with an object on its own. */
export function objectProblems(object: KubeObject, definition: ResourceDefinition): readonly FieldProblem[] {
  const rule = {
    path: 'metadata',
    nameRule: definition.nameRule,
    namespaced: definition.namespaced,
    core: !definition.custom && definition.group !== 'apiextensions.k8s.io',
  }
  return [
    ...metadataProblems({ ...object.metadata }, rule),
    ...(definition.custom ? customProblems(withoutMetadata(object), definition.schema) : []),
    ...(definition.strategy.validate?.(object) ?? []),
  ]
}

/** Everything wrong with an update. */
export function updateProblems(
  next: KubeObject,
  current: KubeObject,
  definition: ResourceDefinition,
): readonly FieldProblem[] {
  return [
    ...metadataUpdateProblems({ ...next.metadata }, { ...current.metadata }),
    ...(definition.strategy.validateUpdate?.(next, current) ?? []),
  ]
}

function withoutMetadata(object: KubeObject): Record<string, unknown> {
  const { metadata: _, ...rest } = object
  return rest
}

/** A custom resource may have any finalizer; one without a path draws a warning. */
export function warnFinalizers(
  next: KubeObject,
  current: KubeObject | undefined,
  definition: ResourceDefinition,
  options: WriteOptions,
): void {
  if (!definition.custom) return
  const known = new Set(textsAt(current?.metadata, 'finalizers'))
  for (const name of next.metadata.finalizers ?? []) {
    if (known.has(name) || name.includes('/') || STANDARD.has(name)) continue
    const path = name.includes('.') ? ' including a path (/)' : ''
    options.warn(
      `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`,
    )
  }
}

const STANDARD: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])
