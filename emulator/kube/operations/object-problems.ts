import { textsAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { type RuledWrite, ruleProblems } from '../validation/broken-rules.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { metadataProblems, metadataUpdateProblems } from '../validation/metadata-rules.ts'
import { customProblems } from '../validation/validate-custom.ts'
import type { WriteOptions } from './write-options.ts'

type Warn = WriteOptions['warn']

/** Everything wrong with a new object. */
export function createProblems(
  object: KubeObject,
  definition: ResourceDefinition,
  warn: Warn,
): readonly FieldProblem[] {
  const found = objectProblems(object, definition)
  return [...found, ...rulesProblems(definition, found, { next: object, warn })]
}

/** Everything wrong with an update. */
export function updateProblems(
  next: KubeObject,
  current: KubeObject,
  definition: ResourceDefinition,
  warn: Warn,
): readonly FieldProblem[] {
  const found = [
    ...metadataUpdateProblems({ ...next.metadata }, { ...current.metadata }),
    ...(definition.strategy.validateUpdate?.(next, current) ?? []),
    ...objectProblems(next, definition, current),
  ]
  return [...found, ...rulesProblems(definition, found, { next, current, warn })]
}

function objectProblems(
  object: KubeObject,
  definition: ResourceDefinition,
  current?: KubeObject,
): readonly FieldProblem[] {
  const rule = {
    path: 'metadata',
    nameRule: definition.nameRule,
    namespaced: definition.namespaced,
    core: !definition.custom && definition.group !== 'apiextensions.k8s.io',
  }
  return [
    ...metadataProblems({ ...object.metadata }, rule),
    ...(definition.custom ? customProblems(withoutMetadata(object), definition.schema, '', current) : []),
    ...(definition.strategy.validate?.(object) ?? []),
  ]
}

function rulesProblems(
  { rules }: ResourceDefinition,
  found: readonly FieldProblem[],
  write: RuledWrite,
): readonly FieldProblem[] {
  return rules === undefined ? [] : ruleProblems(rules, found, write)
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
