import type { KubeObject } from '../kube-object.ts'
import type { Schema } from '../schemas/schema.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import type { NameRule } from '../validation/names.ts'
import type { Rules } from '../validation/rules.ts'

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch'

/** One column of `kubectl get`. */
export interface TableColumn {
  readonly name: string
  readonly type: string
  readonly format: string
  readonly description: string
  /** 0 is always shown, 1 with `-o wide`. */
  readonly priority: number
  /** @param now milliseconds since the epoch. */
  cell(object: KubeObject, now: number): string | number | boolean | null
}

/** What sets one kind apart from the others when its objects are written. All members are optional steps. */
export interface Strategy {
  /** Fills in what a client left out. */
  defaults?(object: KubeObject): KubeObject
  /** Sets fields that a client may not set at creation (status, mostly). */
  prepareCreate?(object: KubeObject, now: string): KubeObject
  /** Puts back fields that an update of the main resource may not change. */
  prepareUpdate?(next: KubeObject, current: KubeObject): KubeObject
  /** Fields of the status that an update through the status subresource may change besides `status`. */
  prepareStatus?(next: KubeObject, current: KubeObject): KubeObject
  validate?(object: KubeObject): readonly FieldProblem[]
  validateUpdate?(next: KubeObject, current: KubeObject): readonly FieldProblem[]
}

/** One served resource in one version. */
export interface ResourceDefinition {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly singular: string
  readonly kind: string
  readonly listKind: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  readonly verbs: readonly Verb[]
  readonly statusSubresource: boolean
  /** Further subresources, for discovery: name, kind, verbs. */
  readonly subresources: readonly Subresource[]
  readonly nameRule: NameRule
  readonly schema: Schema
  /** The rules in the schema of a custom kind. */
  readonly rules?: Rules
  /** Made from a CustomResourceDefinition. */
  readonly custom: boolean
  /** `metadata.generation` is kept. */
  readonly generation: boolean
  /** PUT without a resourceVersion overwrites. */
  readonly unconditionalUpdate: boolean
  /** A warning that goes with every answer. */
  readonly deprecation?: string
  /** PUT of an object that does not exist creates it. */
  readonly createOnUpdate: boolean
  /** DELETE answers with the object instead of a Status. */
  readonly returnsDeleted: boolean
  readonly columns: readonly TableColumn[]
  /** Fields that a field selector may name, besides metadata.name and metadata.namespace. */
  readonly selectableFields: Readonly<Record<string, (object: KubeObject) => string>>
  readonly strategy: Strategy
}

export interface Subresource {
  readonly name: string
  readonly kind: string
  readonly group: string
  readonly version: string
  readonly verbs: readonly string[]
}

/** `v1`, or `coordination.k8s.io/v1`. */
export function groupVersion(resource: { readonly group: string; readonly version: string }): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}
