import type { Schema } from '../schemas/schema.ts'
import type { FieldProblem } from './field-problem.ts'
import { forbiddenField, required } from './field-problem.ts'

/** What a CRD's schema breaks of the rules for structural schemas. */
export function structuralProblems(schema: Schema, path: string): FieldProblem[] {
  return [...ownProblems(schema, path), ...childProblems(schema, path)]
}

interface Rule {
  readonly broken: (schema: Schema) => boolean
  readonly problem: (path: string) => FieldProblem
}

const RULES: readonly Rule[] = [
  {
    broken: (schema) =>
      schema.type === undefined &&
      schema['x-kubernetes-int-or-string'] !== true &&
      schema['x-kubernetes-preserve-unknown-fields'] !== true,
    problem: (path) => required(`${path}.type`, 'must not be empty for specified object fields'),
  },
  {
    broken: (schema) => schema.$ref !== undefined,
    problem: (path) => forbiddenField(`${path}.$ref`, '$ref is not supported'),
  },
  {
    broken: (schema) => schema.uniqueItems === true,
    problem: (path) =>
      forbiddenField(
        `${path}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
  },
  {
    broken: (schema) => schema.properties !== undefined && typeof schema.additionalProperties === 'object',
    problem: (path) =>
      forbiddenField(
        `${path}.additionalProperties`,
        'additionalProperties and properties are mutual exclusive',
      ),
  },
  {
    broken: (schema) =>
      schema['x-kubernetes-list-type'] === 'map' && (schema['x-kubernetes-list-map-keys'] ?? []).length === 0,
    problem: (path) =>
      required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'),
  },
  {
    broken: (schema) => schema.type === 'array' && schema.items === undefined,
    problem: (path) => required(`${path}.items`, 'must be specified'),
  },
]

function ownProblems(schema: Schema, path: string): FieldProblem[] {
  const problems = RULES.filter((rule) => rule.broken(schema)).map((rule) => rule.problem(path))
  return schema['x-kubernetes-embedded-resource'] === true
    ? [...problems, ...embeddedRules(schema, path)]
    : problems
}

function childProblems(schema: Schema, path: string): FieldProblem[] {
  const problems = Object.entries(schema.properties ?? {}).flatMap(([name, each]) =>
    structuralProblems(each, `${path}.properties[${name}]`),
  )
  if (schema.items !== undefined) problems.push(...structuralProblems(schema.items, `${path}.items`))
  if (typeof schema.additionalProperties === 'object') {
    problems.push(...structuralProblems(schema.additionalProperties, `${path}.additionalProperties`))
  }
  return problems
}

function embeddedRules(schema: Schema, path: string): FieldProblem[] {
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.properties !== undefined
  if (schema.type === 'object' && open) return []
  return [
    required(
      `${path}.properties`,
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
    ),
  ]
}
