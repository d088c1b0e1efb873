import { fieldsAt, isFields, listAt, textAt, valueAt, withValue } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import type { Strategy } from '../resources/resource-definition.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { invalidValue, notSupported, required } from '../validation/field-problem.ts'
import { structuralProblems } from '../validation/structural-schema.ts'

const APPROVAL = 'api-approved.kubernetes.io'
const NAMESPACED_OR_CLUSTER = ['Cluster', 'Namespaced']

function withDefaults(definition: KubeObject): KubeObject {
  const names = fieldsAt(definition, 'spec', 'names')
  const kind = textAt(names, 'kind')
  const spec = {
    conversion: { strategy: 'None' },
    ...fieldsAt(definition, 'spec'),
    names: { listKind: `${kind}List`, singular: kind.toLowerCase(), ...names },
  }
  return { ...definition, spec }
}

function storageVersions(definition: KubeObject): readonly string[] {
  return listAt(definition, 'spec', 'versions')
    .filter((each) => valueAt(each, 'storage') === true)
    .map((each) => textAt(each, 'name'))
}

/** Groups below k8s.io and kubernetes.io are reserved: their CRDs say whether they were approved. */
function approvalProblems(definition: KubeObject): FieldProblem[] {
  const group = textAt(definition, 'spec', 'group')
  const reserved = /(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group)
  const approval = definition.metadata.annotations?.[APPROVAL] ?? ''
  const field = `metadata.annotations[${APPROVAL}]`
  if (!reserved) return []
  if (approval === '') {
    const detail = `protected groups must have approval annotation "${APPROVAL}", see https://github.com/kubernetes/enhancements/pull/1111`
    return [required(field, detail)]
  }
  if (approval.startsWith('unapproved') || URL.canParse(approval)) return []
  return [
    invalidValue(
      field,
      approval,
      'protected groups must have approval annotation with either a URL or a reason starting with "unapproved"',
    ),
  ]
}

function validate(definition: KubeObject): FieldProblem[] {
  const spec = fieldsAt(definition, 'spec')
  const plural = textAt(spec, 'names', 'plural')
  const group = textAt(spec, 'group')
  const wanted = `${plural}.${group}`
  const problems = approvalProblems(definition)
  if (definition.metadata.name !== wanted) {
    const detail = 'must be spec.names.plural+"."+spec.group'
    problems.push(invalidValue('metadata.name', definition.metadata.name, detail))
  }
  if (group === '') problems.push(required('spec.group'))
  if (plural === '') problems.push(required('spec.names.plural'))
  if (textAt(spec, 'names', 'kind') === '') problems.push(required('spec.names.kind'))
  const scope = textAt(spec, 'scope')
  if (!NAMESPACED_OR_CLUSTER.includes(scope))
    problems.push(notSupported('spec.scope', scope, NAMESPACED_OR_CLUSTER))
  if (storageVersions(definition).length !== 1) {
    const detail = 'must have exactly one version marked as storage version'
    problems.push(
      invalidValue(
        'spec.versions',
        listAt(spec, 'versions').map((each) => textAt(each, 'name')),
        detail,
      ),
    )
  }
  listAt(spec, 'versions').forEach((version, at) => {
    const field = `spec.versions[${at}].schema.openAPIV3Schema`
    const schema = valueAt(version, 'schema', 'openAPIV3Schema')
    if (!isFields(schema)) problems.push(required(field, 'schemas are required'))
    else problems.push(...structuralProblems(schema, field))
  })
  return problems
}

function validateUpdate(next: KubeObject, current: KubeObject): FieldProblem[] {
  const fixed = [['group'], ['scope'], ['names', 'kind'], ['names', 'plural']]
  return fixed.flatMap((path) => {
    const value = textAt(next, 'spec', ...path)
    return value === textAt(current, 'spec', ...path)
      ? []
      : [invalidValue(`spec.${path.join('.')}`, value, 'field is immutable')]
  })
}

export const crdStrategy: Strategy = {
  defaults: withDefaults,
  prepareCreate: (definition) => ({
    ...definition,
    status: {
      acceptedNames: { kind: '', plural: '' },
      conditions: [],
      storedVersions: storageVersions(definition),
    },
  }),
  prepareUpdate: (next, current) => withValue(next, ['status'], current['status']),
  prepareStatus: (next, current) => ({ ...current, status: next['status'], metadata: next.metadata }),
  validate,
  validateUpdate,
}

/** The status that the CRD controllers arrive at for a definition without conflicts. */
export function establishedStatus(definition: KubeObject, now: string): Readonly<Record<string, unknown>> {
  const condition = (type: string, reason: string, message: string): Readonly<Record<string, unknown>> => ({
    type,
    status: 'True',
    lastTransitionTime: now,
    reason,
    message,
  })
  const group = textAt(definition, 'spec', 'group')
  const approval = definition.metadata.annotations?.[APPROVAL] ?? ''
  const policy = /(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group)
    ? [
        approval.startsWith('unapproved')
          ? {
              ...condition(
                'KubernetesAPIApprovalPolicyConformant',
                'UnapprovedAnnotation',
                `not approved: "${approval}"`,
              ),
              status: 'False',
            }
          : condition(
              'KubernetesAPIApprovalPolicyConformant',
              'ApprovedAnnotation',
              `approved in ${approval}`,
            ),
      ]
    : []
  return {
    acceptedNames: fieldsAt(definition, 'spec', 'names'),
    conditions: [
      ...policy,
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    storedVersions: storageVersions(definition),
  }
}

export function isEstablished(definition: KubeObject): boolean {
  return listAt(definition, 'status', 'conditions').some(
    (each) => textAt(each, 'type') === 'Established' && textAt(each, 'status') === 'True',
  )
}
